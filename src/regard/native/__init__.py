"""One C++ library behind a plain C interface, and the way to find it; needs no torch."""
