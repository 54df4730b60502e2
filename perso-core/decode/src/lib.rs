#![no_std]
//! decode
