"""What goes to a customer on paper: the parcel's label, the packing slip, letters.

A paper is a value: plain words, days and amounts, no row of a database. `render` makes of it a PDF
in the customer's language, with its barcodes; where this machine lacks what a PDF needs (Debian's
Pango, or letters of that language), the same page as HTML, ready to be printed, with a notice.
"""

from stb_service.shared.documents.printing import Document, render

__all__ = ["Document", "render"]
