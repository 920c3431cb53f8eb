//! How a message is written into the host's assembler.

use mcp_longhaul::task::Millis;
use mcp_longhaul::wire::{Name, Part, Writer};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Puts an object together, field by field; twin of `Assembler` in `core/assembler.ts`. Names cross as their
    /// numbers.
    pub type Assembler;

    #[wasm_bindgen(method)]
    fn open(this: &Assembler, name: u8);
    #[wasm_bindgen(method, js_name = "openList")]
    fn open_list(this: &Assembler, name: u8);
    #[wasm_bindgen(method)]
    fn close(this: &Assembler);
    #[wasm_bindgen(method)]
    fn text(this: &Assembler, name: u8, value: &str);
    /// The id that the request names.
    #[wasm_bindgen(method)]
    fn named(this: &Assembler, name: u8);
    #[wasm_bindgen(method)]
    fn word(this: &Assembler, name: u8, value: u8);
    #[wasm_bindgen(method)]
    fn number(this: &Assembler, name: u8, value: f64);
    #[wasm_bindgen(method)]
    fn null(this: &Assembler, name: u8);
    #[wasm_bindgen(method)]
    fn instant(this: &Assembler, name: u8, at: f64);
    /// `kind`: 0 result, 1 result marked with its task, 2 error, 4 the id of the subscription.
    #[wasm_bindgen(method)]
    fn part(this: &Assembler, name: u8, kind: u8);
    /// An input request or an answer, 3 among the kinds.
    #[wasm_bindgen(method)]
    fn input(this: &Assembler, key: &str);
}

pub struct Assembling<'a> {
    pub assembler: &'a Assembler,
    /// The task's id is the one that the request names: the host has it.
    pub named: bool,
}

impl Writer for Assembling<'_> {
    fn open(&mut self, name: Name) {
        self.assembler.open(name as u8);
    }
    fn open_list(&mut self, name: Name) {
        self.assembler.open_list(name as u8);
    }
    fn close(&mut self) {
        self.assembler.close();
    }
    fn text(&mut self, name: Name, value: &str) {
        if self.named && name == Name::TaskId {
            return self.assembler.named(name as u8);
        }
        self.assembler.text(name as u8, value);
    }
    fn word(&mut self, name: Name, value: Name) {
        self.assembler.word(name as u8, value as u8);
    }
    fn number(&mut self, name: Name, value: f64) {
        self.assembler.number(name as u8, value);
    }
    fn null(&mut self, name: Name) {
        self.assembler.null(name as u8);
    }
    fn instant(&mut self, name: Name, at: Millis) {
        self.assembler.instant(name as u8, at as f64);
    }
    fn part(&mut self, name: Name, part: Part) {
        self.assembler.part(name as u8, part as u8);
    }
    fn input(&mut self, key: &str) {
        self.assembler.input(key);
    }
}
