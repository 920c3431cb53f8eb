//! A message as the wrapper would assemble it, as a `serde_json` value. A payload is spread into its object under `$`.

use mcp_longhaul::task::Millis;
use mcp_longhaul::wire::{self, Body, Generation, Name, News, Part, ReplyKind, Writer};
use serde_json::{Map, Value, json};

/// What a hole is filled with.
pub type Fill<'a> = &'a dyn Fn(Part, &str) -> Value;

/// Puts an object together.
pub struct Assembler<'a> {
    stack: Vec<(String, Value)>,
    fill: Fill<'a>,
}

impl Assembler<'_> {
    fn put(&mut self, name: &str, value: Value) {
        match &mut self.stack.last_mut().expect("an open object").1 {
            Value::Array(items) => {
                assert_eq!(name, "", "an item of a list has no name");
                items.push(value);
            }
            Value::Object(members) => {
                let name = if name.is_empty() { "$" } else { name };
                assert!(members.insert(name.to_owned(), value).is_none(), "`{name}` is written twice");
            }
            _ => panic!("only lists and objects are opened"),
        }
    }
}

impl Writer for Assembler<'_> {
    fn open(&mut self, name: Name) {
        self.stack.push((name.as_str().to_owned(), Value::Object(Map::new())));
    }
    fn open_list(&mut self, name: Name) {
        self.stack.push((name.as_str().to_owned(), Value::Array(Vec::new())));
    }
    fn close(&mut self) {
        let (name, value) = self.stack.pop().expect("something to close");
        self.put(&name, value);
    }
    fn text(&mut self, name: Name, value: &str) {
        self.put(name.as_str(), json!(value));
    }
    fn word(&mut self, name: Name, value: Name) {
        self.put(name.as_str(), json!(value.as_str()));
    }
    fn number(&mut self, name: Name, value: f64) {
        assert!(value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_991.0, "{value} is no safe integer");
        self.put(name.as_str(), json!(value as i64));
    }
    fn null(&mut self, name: Name) {
        self.put(name.as_str(), Value::Null);
    }
    fn instant(&mut self, name: Name, at: Millis) {
        self.put(name.as_str(), json!(at));
    }
    fn part(&mut self, name: Name, part: Part) {
        self.put(name.as_str(), (self.fill)(part, ""));
    }
    fn input(&mut self, key: &str) {
        self.put(key, (self.fill)(Part::Input, key));
    }
}

/// The object that `write` writes.
pub fn assemble(fill: Fill, write: impl FnOnce(&mut Assembler)) -> Value {
    let mut assembler = Assembler { stack: vec![(String::new(), Value::Object(Map::new()))], fill };
    write(&mut assembler);
    assert_eq!(assembler.stack.len(), 1, "everything is closed");
    assembler.stack.pop().expect("the object").1
}

/// The response that `body` is: `{result}` or `{error}`.
pub fn response(generation: Generation, body: &Body, fill: Fill) -> Value {
    let mut kind = ReplyKind::Result;
    let written = assemble(fill, |writer| kind = wire::write(generation, body, writer));
    match kind {
        ReplyKind::Result => json!({ "result": written }),
        ReplyKind::Error | ReplyKind::LimitError => json!({ "error": written }),
        ReplyKind::ErrorPart => {
            assert_eq!(written, json!({}), "an error that is a payload has no members of ours");
            json!({ "error": fill(Part::Error, "") })
        }
    }
}

/// The notification that `news` is: `{method, params}`.
pub fn notification(generation: Generation, news: &News, fill: Fill) -> Value {
    assemble(fill, |writer| wire::write_news(generation, news, writer))
}
