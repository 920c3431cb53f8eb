//! A task as the core knows it, and the text that a store keeps of it.

use std::rc::Rc;

use crate::wire::Generation;

/// Milliseconds since the epoch.
pub type Millis = i64;

/// Where a task stands. A status on the wire is a phase seen by a generation (X-STO-03).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Phase {
    Working,
    InputRequired,
    /// It ended with a result.
    Completed,
    /// It ended with a result that says `isError: true`.
    ToolFailed,
    /// It ended with a JSON-RPC error.
    Failed,
    Cancelled,
}

impl Phase {
    pub const ALL: [Self; 6] =
        [Self::Working, Self::InputRequired, Self::Completed, Self::ToolFailed, Self::Failed, Self::Cancelled];

    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Working | Self::InputRequired)
    }

    const fn letter(self) -> char {
        match self {
            Self::Working => 'w',
            Self::InputRequired => 'i',
            Self::Completed => 'c',
            Self::ToolFailed => 't',
            Self::Failed => 'f',
            Self::Cancelled => 'x',
        }
    }
}

/// Why the core itself ended a task with an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Failure {
    /// Its time to live ended.
    Expired,
    /// The process that ran it was lost.
    Lost,
    /// Its outcome exceeds the limit.
    TooLarge,
    /// Its outcome is not JSON.
    NotJson,
    /// Its handler asked for input that the client cannot give, or for too much.
    Unanswerable,
    /// Its error has a code that the generation does not have.
    Reserved,
}

impl Failure {
    const ALL: [Self; 6] = [Self::Expired, Self::Lost, Self::TooLarge, Self::NotJson, Self::Unanswerable, Self::Reserved];

    const fn letter(self) -> char {
        match self {
            Self::Expired => 'e',
            Self::Lost => 'l',
            Self::TooLarge => 's',
            Self::NotJson => 'j',
            Self::Unanswerable => 'u',
            Self::Reserved => 'r',
        }
    }
}

/// What an input request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum InputKind {
    Elicit,
    ElicitUrl,
    Sample,
    SampleWithTools,
    Roots,
}

impl InputKind {
    pub const ALL: [Self; 5] = [Self::Elicit, Self::ElicitUrl, Self::Sample, Self::SampleWithTools, Self::Roots];

    const fn letter(self) -> char {
        match self {
            Self::Elicit => 'e',
            Self::ElicitUrl => 'u',
            Self::Sample => 's',
            Self::SampleWithTools => 't',
            Self::Roots => 'r',
        }
    }
}

/// One input request of a task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// Unique for the task's whole life (G26-INP-03).
    pub key: String,
    /// What the handler calls it.
    pub name: String,
    pub kind: InputKind,
    /// Whether its answer is stored and waits for the handler.
    pub answered: bool,
    /// It was asked in an `input_required` result: its answer is for the handler's next run, not for one that waits.
    pub in_result: bool,
}

/// Who runs the task, and until when nobody else may (X-STO-04).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    pub holder: Rc<str>,
    pub until: Millis,
}

/// What becomes of a task whose process was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnLost {
    #[default]
    Fail,
    Restart,
}

/// A task. Payloads are elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    pub generation: Generation,
    pub phase: Phase,
    pub failure: Option<Failure>,
    pub created_at: Millis,
    /// Never before `created_at`, never backwards (X-STO-06).
    pub updated_at: Millis,
    /// ms from creation; `None` for no end.
    pub ttl: Option<u64>,
    /// ms.
    pub poll_interval: u32,
    /// The tool that was called.
    pub tool: String,
    /// `traceparent` of the creating call, or empty.
    pub trace: String,
    pub message: String,
    /// The cancelled handler decides how the task ends (G26-CAN-05).
    pub cooperative: bool,
    pub cancel_requested: bool,
    /// A running task's time to live grows instead of ending.
    pub extends: bool,
    pub on_lost: OnLost,
    /// How often it may still run again because its process was lost: a handler that kills its process must not kill them all.
    pub restarts: u32,
    /// Input requests issued so far.
    pub issued: u32,
    /// Tells one write from every other, so that a writer whose answer was lost knows its own; 0 for nothing.
    pub mark: u64,
    /// Since when it waits for input, if it does.
    pub waits_since: Option<Millis>,
    pub inputs: Vec<Input>,
    /// Which run of the handler this is; what an earlier run still writes is refused (X-STO-04).
    pub epoch: u32,
    /// Nobody holds a task that has ended, or that waits for answers after its handler ended.
    pub lease: Option<Lease>,
}

/// How long an expired task is still shown as such, in ms.
pub const EXPIRED_GRACE: Millis = 60_000;

/// No time to live is longer, in ms: its end is a date that JavaScript can write (H17).
pub const LONGEST_TTL: u64 = 6_000_000_000_000_000;

/// A status message is cut to this many bytes (X-LIM-02).
pub const MESSAGE_BYTES: usize = 4096;

impl Task {
    /// When the time to live ends.
    pub fn expires_at(&self) -> Option<Millis> {
        self.ttl.map(|ttl| self.created_at.saturating_add(i64::try_from(ttl).unwrap_or(i64::MAX)))
    }

    /// When somebody must look at the task again: its time or its lease ends.
    pub fn due_at(&self) -> Option<Millis> {
        match self.failure {
            Some(Failure::Expired) => Some(self.updated_at.saturating_add(EXPIRED_GRACE)),
            // Its time had been extended in all but name.
            Some(Failure::Lost) if self.is_expired(self.updated_at) => Some(self.updated_at.saturating_add(EXPIRED_GRACE)),
            _ => match (self.expires_at(), self.lapses_at()) {
                (Some(expires), Some(lapses)) => Some(expires.min(lapses)),
                (expires, lapses) => expires.or(lapses),
            },
        }
    }

    /// When whoever runs the task counts as lost; `None` where nobody has to run it.
    fn lapses_at(&self) -> Option<Millis> {
        if self.phase.is_terminal() || self.awaits_answers() {
            return None;
        }
        Some(self.lease.as_ref().map_or(self.updated_at, |lease| lease.until))
    }

    /// Whether somebody should run the task and nobody does, as far as its record tells.
    pub fn is_orphan(&self, now: Millis) -> bool {
        self.lapses_at().is_some_and(|at| now >= at)
    }

    /// Whether its handler has ended with `input_required`, so that the last answer starts it again.
    pub fn awaits_answers(&self) -> bool {
        self.inputs.iter().any(|input| input.in_result && !input.answered)
    }

    /// Whether nobody can see the task any longer, and its record may be deleted.
    pub fn is_gone(&self, now: Millis) -> bool {
        self.phase.is_terminal() && self.due_at().is_some_and(|at| now >= at)
    }

    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires_at().is_some_and(|at| now >= at)
    }

    /// Whether its time ended before it did.
    pub fn has_run_out(&self, now: Millis) -> bool {
        !self.phase.is_terminal() && self.is_expired(now)
    }

    /// Whether whoever reads the one sees the same in the other.
    pub fn looks_like(&self, other: &Self) -> bool {
        let outstanding = |input: &&Input| !input.answered;
        self.phase == other.phase
            && self.failure == other.failure
            && self.updated_at == other.updated_at
            && self.ttl == other.ttl
            && self.poll_interval == other.poll_interval
            && self.message == other.message
            && self.inputs.iter().filter(outstanding).map(|input| &input.key).eq(other.inputs.iter().filter(outstanding).map(|input| &input.key))
    }

    /// The input request under this key.
    pub fn input(&self, key: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.key == key)
    }

    /// Takes the first input request out that is like this.
    pub(crate) fn take_input(&mut self, is_it: impl FnMut(&Input) -> bool) -> Option<Input> {
        let place = self.inputs.iter().position(is_it)?;
        Some(self.inputs.remove(place))
    }

    pub fn has_outstanding_input(&self) -> bool {
        self.inputs.iter().any(|input| !input.answered)
    }

    /// The status message, or what stands for it where the core ended the task (G25-GET-05, G26-GET-05).
    pub fn shown_message(&self) -> Option<&str> {
        match self.failure {
            _ if !self.message.is_empty() && self.phase != Phase::Failed => Some(&self.message),
            Some(Failure::Expired) => Some("The time to live ended before the work"),
            Some(Failure::Lost) => Some("The process that ran the task was lost"),
            Some(Failure::TooLarge) => Some("The outcome exceeds the limit"),
            Some(Failure::NotJson) => Some("The outcome is not JSON"),
            Some(Failure::Unanswerable) => Some("The tool asked for input that the client cannot give"),
            Some(Failure::Reserved) => Some("The tool failed with an error that this revision does not have"),
            None if !self.message.is_empty() => Some(&self.message),
            None if self.phase == Phase::Failed => Some("The request failed"),
            None if self.phase == Phase::ToolFailed => Some("The tool reported an error"),
            None => None,
        }
    }

    /// Sets the status message, cut to its limit at the boundary of a code point.
    pub fn set_message(&mut self, message: &str) {
        self.message.clear();
        self.message.push_str(cut(message, MESSAGE_BYTES));
    }

    /// The text a store keeps. Fields are separated by tabs, so that reading it is one pass; the first names the format.
    pub fn to_state(&self) -> String {
        let mut text = String::with_capacity(96 + self.tool.len() + self.message.len());
        text.push('1');
        field(&mut text, self.generation as u8);
        char_field(&mut text, self.phase.letter());
        char_field(&mut text, self.failure.map_or('-', Failure::letter));
        signed_field(&mut text, self.created_at);
        signed_field(&mut text, self.updated_at.saturating_sub(self.created_at));
        match self.ttl {
            Some(ttl) => field(&mut text, ttl),
            None => char_field(&mut text, '-'),
        }
        field(&mut text, self.poll_interval);
        let flags = u8::from(self.cooperative)
            | u8::from(self.cancel_requested) << 1
            | u8::from(self.extends) << 2
            | u8::from(self.on_lost == OnLost::Restart) << 3;
        field(&mut text, flags);
        field(&mut text, self.restarts);
        field(&mut text, self.issued);
        field(&mut text, self.mark);
        match self.waits_since {
            Some(since) => signed_field(&mut text, since.saturating_sub(self.created_at)),
            None => text.push('\t'),
        }
        escaped(&mut text, &self.trace);
        escaped(&mut text, &self.tool);
        escaped(&mut text, &self.message);
        escaped(&mut text, self.lease.as_ref().map_or("", |lease| &*lease.holder));
        field(&mut text, self.epoch);
        match &self.lease {
            Some(lease) => signed_field(&mut text, lease.until),
            None => text.push('\t'),
        }
        for input in &self.inputs {
            escaped(&mut text, &input.key);
            escaped(&mut text, &input.name);
            char_field(&mut text, input.kind.letter());
            char_field(&mut text, input_letter(input.answered, input.in_result));
        }
        text
    }

    /// Reads what [`Task::to_state`] wrote; `None` for anything else.
    pub fn from_state(state: &str) -> Option<Self> {
        let mut fields = split(state, b'\t');
        if fields.next()? != "1" {
            return None;
        }
        let generation = Generation::from_number(narrow(fields.next()?)?.try_into().ok()?)?;
        let phase = by_letter(&Phase::ALL, Phase::letter, fields.next()?)?;
        let failure = match fields.next()? {
            "-" => None,
            letter => Some(by_letter(&Failure::ALL, Failure::letter, letter)?),
        };
        let created_at: Millis = signed(fields.next()?)?;
        let age: Millis = signed(fields.next()?)?;
        let ttl = match fields.next()? {
            "-" => None,
            ttl => Some(number(ttl)?),
        };
        let poll_interval = narrow(fields.next()?)?;
        let flags: u8 = narrow(fields.next()?)?.try_into().ok()?;
        let restarts = narrow(fields.next()?)?;
        let issued = narrow(fields.next()?)?;
        let mark = number(fields.next()?)?;
        let waits_since = match fields.next()? {
            "" => None,
            age => Some(created_at.saturating_add(signed(age)?)),
        };
        // Texts are made at the end, so that nothing has to be taken apart where a field is missing.
        let (trace, tool, message, holder) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let epoch = narrow(fields.next()?)?;
        let until = match fields.next()? {
            "" => None,
            until => Some(signed(until)?),
        };
        let mut inputs = Vec::new();
        while let Some(key) = fields.next() {
            let (name, kind, letter) = (fields.next()?, fields.next()?, fields.next()?);
            let kind = by_letter(&InputKind::ALL, InputKind::letter, kind)?;
            inputs.push(Input {
                key: unescaped(key),
                name: unescaped(name),
                kind,
                answered: matches!(letter, "a" | "A"),
                in_result: matches!(letter, "A" | "O"),
            });
        }
        Some(Self {
            generation,
            phase,
            failure,
            created_at,
            updated_at: created_at.saturating_add(age),
            ttl,
            poll_interval,
            tool: unescaped(tool),
            trace: unescaped(trace),
            message: unescaped(message),
            cooperative: flags & 1 != 0,
            cancel_requested: flags & 2 != 0,
            extends: flags & 4 != 0,
            on_lost: if flags & 8 != 0 { OnLost::Restart } else { OnLost::Fail },
            restarts,
            issued,
            mark,
            waits_since,
            inputs,
            epoch,
            lease: until.map(|until| Lease { holder: unescaped(holder).into(), until }),
        })
    }
}

/// `text`, cut to `limit` bytes at the boundary of a code point.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Small for an input whose handler waits, large for one that was asked in a result; `a`nswered or `o`utstanding.
const fn input_letter(answered: bool, in_result: bool) -> char {
    match (answered, in_result) {
        (true, false) => 'a',
        (false, false) => 'o',
        (true, true) => 'A',
        (false, true) => 'O',
    }
}

fn by_letter<T: Copy>(all: &[T], letter: fn(T) -> char, text: &str) -> Option<T> {
    let [byte] = text.as_bytes() else { return None };
    all.iter().copied().find(|&item| letter(item) == char::from(*byte))
}

/// Numbers are written and read without the formatting machinery, which costs kilobytes of wasm.
fn field(text: &mut String, number: impl Into<u64>) {
    text.push('\t');
    push_number(text, number.into());
}

pub(crate) fn signed_field(text: &mut String, number: i64) {
    text.push_str(if number < 0 { "\t-" } else { "\t" });
    push_number(text, number.unsigned_abs());
}

pub(crate) fn push_number(text: &mut String, number: u64) {
    let mut digits = [0u8; 20];
    let mut rest = number;
    let mut first = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        first -= 1;
        if rest == 0 {
            break;
        }
    }
    text.extend(digits.iter().skip(first).map(|&digit| char::from(digit)));
}

fn number(text: &str) -> Option<u64> {
    let mut number = 0u64;
    for byte in text.bytes() {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        if digit > 9 || number > u64::MAX / 10 {
            return None;
        }
        number = (number * 10).checked_add(digit)?;
    }
    (!text.is_empty()).then_some(number)
}

/// A whole number, as the core writes it.
pub fn signed(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(text) => 0i64.checked_sub_unsigned(number(text)?),
        None => number(text)?.try_into().ok(),
    }
}

/// A whole number that 32 bits hold.
pub fn narrow(text: &str) -> Option<u32> {
    number(text)?.try_into().ok()
}

/// The fields of `text`.
pub const fn split(text: &str, separator: u8) -> Fields<'_> {
    Fields { rest: Some(text), separator }
}

/// Goes through the fields of a text; they are short, so that looking at each byte is enough.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: Option<&'a str>,
    separator: u8,
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a str;

    #[inline(never)]
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let end = rest.bytes().position(|byte| byte == self.separator).unwrap_or(rest.len());
        self.rest = rest.get(end + 1..);
        rest.get(..end)
    }
}

fn char_field(text: &mut String, letter: char) {
    text.push('\t');
    text.push(letter);
}

pub(crate) fn escaped(text: &mut String, value: &str) {
    text.push('\t');
    if !value.bytes().any(|byte| matches!(byte, b'\t' | b'\\' | b'\0')) {
        text.push_str(value);
        return;
    }
    for letter in value.chars() {
        match letter {
            '\t' => text.push_str("\\t"),
            '\\' => text.push_str("\\\\"),
            // Some databases keep no text with it.
            '\0' => text.push_str("\\0"),
            other => text.push(other),
        }
    }
}

pub(crate) fn unescaped(value: &str) -> String {
    if value.bytes().all(|byte| byte != b'\\') {
        return value.to_owned();
    }
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('t') => text.push('\t'),
                Some('0') => text.push('\0'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}
