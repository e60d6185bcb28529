//! One file per page: pure views of plain data. A handler reads the data; a page never asks for anything.
