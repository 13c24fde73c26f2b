"""Streams: made, damaged, read and decoded, with the real encoders and decoders of FFmpeg."""
