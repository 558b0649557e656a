"""The built-in head: an analytic adult face, in millimetres from the pupils while it is built."""
