//! Layouts of TIFF files, each against the picture that it must give.
