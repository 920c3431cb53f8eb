//! The trace that a call belongs to, as its `_meta` tells it (W3C Trace Context).

const LENGTH: usize = 55;

/// The text, if it is a `traceparent` whose ids are not zero. What later versions put behind it is not taken.
pub fn parent(text: &str) -> Option<&str> {
    let mut fields = text.split('-');
    let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let sizes = (version.len(), trace.len(), span.len(), flags.len()) == (2, 32, 16, 2) && text.len() == LENGTH;
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    let zero = |id: &str| id.bytes().all(|byte| byte == b'0');
    (sizes && digits && version != "ff" && !zero(trace) && !zero(span)).then_some(text)
}
