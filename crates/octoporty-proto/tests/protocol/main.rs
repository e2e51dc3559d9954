//! The protocol from outside: golden bytes, properties of the frame codec, and the document.

mod document;
mod frames;
mod golden;
