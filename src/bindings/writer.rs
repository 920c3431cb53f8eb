//! How a message is written into the host's assembler.

use mcp_tasks::task::Millis;
use mcp_tasks::wire::{Name, Part, Writer};

/// Puts an object together, field by field; twin of `Assembler` in `assembler.ts`, which the host has. Names are numbers of `names()`.
mod assembler {
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen(js_namespace = ["host", "assembler"])]
    extern "C" {
        pub fn open(name: u8);
        #[wasm_bindgen(js_name = "openList")]
        pub fn open_list(name: u8);
        pub fn close();
        pub fn text(name: u8, value: &str);
        /// The id that the request names.
        pub fn named(name: u8);
        pub fn word(name: u8, value: u8);
        pub fn number(name: u8, value: f64);
        pub fn null(name: u8);
        pub fn instant(name: u8, at: f64);
        /// `kind`: 0 result, 1 result marked with its task, 2 error, 4 the id of the subscription.
        pub fn part(name: u8, kind: u8);
        /// An input request or an answer, 3 among the kinds.
        pub fn input(key: &str);
    }
}

pub struct Assembling {
    /// The task's id is the one that the request names: the host has it.
    pub named: bool,
}

impl Writer for Assembling {
    fn open(&mut self, name: Name) {
        assembler::open(name as u8);
    }
    fn open_list(&mut self, name: Name) {
        assembler::open_list(name as u8);
    }
    fn close(&mut self) {
        assembler::close();
    }
    fn text(&mut self, name: Name, value: &str) {
        if self.named && name == Name::TaskId {
            return assembler::named(name as u8);
        }
        assembler::text(name as u8, value);
    }
    fn word(&mut self, name: Name, value: Name) {
        assembler::word(name as u8, value as u8);
    }
    fn number(&mut self, name: Name, value: f64) {
        assembler::number(name as u8, value);
    }
    fn null(&mut self, name: Name) {
        assembler::null(name as u8);
    }
    fn instant(&mut self, name: Name, at: Millis) {
        assembler::instant(name as u8, at as f64);
    }
    fn part(&mut self, name: Name, part: Part) {
        assembler::part(name as u8, part as u8);
    }
    fn input(&mut self, key: &str) {
        assembler::input(key);
    }
}
