"""What lies between a server and a box: rates over time, shared links, losses.

Everything here is arithmetic in virtual time; nothing opens a socket.
"""
