//! A strict JSON reader, as simple as RFC 8259 itself: a tree in which every value knows its bytes, and all faults that
//! can be told apart. It is slow, recursive and allocates; it shares nothing with the decoder under test.

use std::ops::Range;

use partiquet::report::RejectKind;

/// Maximum nesting of arrays and objects; the root counts as one level.
pub const MAX_DEPTH: usize = 64;
/// Depth at which the reader itself gives up, so that hostile texts cannot overflow its stack.
const STACK_DEPTH: usize = 200;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Json {
    pub node: Node,
    /// From the value's first byte to after its last.
    pub range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Null,
    Bool(bool),
    /// The token is the text in `range`.
    Number,
    /// After unescaping.
    String(String),
    Array(Vec<Json>),
    Object(Vec<Member>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// After unescaping.
    pub name: String,
    pub name_offset: usize,
    pub value: Json,
}

/// Something that rejects the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub offset: usize,
    pub kind: Kind,
    pub message: &'static str,
}

/// [`RejectKind`] with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Utf8,
    Syntax,
    Depth,
    Duplicate,
    Envelope,
    Size,
    NotObject,
    Attribute,
}

impl From<Kind> for RejectKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Utf8 => Self::Utf8,
            Kind::Syntax => Self::Syntax,
            Kind::Depth => Self::Depth,
            Kind::Duplicate => Self::Duplicate,
            Kind::Envelope => Self::Envelope,
            Kind::Size => Self::Size,
            Kind::NotObject => Self::NotObject,
            Kind::Attribute => Self::Attribute,
        }
    }
}

pub const UNPAIRED_SURROGATE: &str = "unpaired surrogate";

/// The result: a tree if the grammar holds to the end, and all faults, earliest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub tree: Option<Json>,
    pub faults: Vec<Fault>,
}

/// Parses one JSON text, which white space may surround.
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut reader = Reader { bytes, at: 0, faults: Vec::new() };
    if let Err(error) = std::str::from_utf8(bytes) {
        reader.faults.push(Fault { offset: error.valid_up_to(), kind: Kind::Utf8, message: "not UTF-8" });
    }
    let tree = reader.text().map_err(|fault| reader.faults.push(fault)).ok();
    reader.faults.sort_unstable();
    Parsed { tree, faults: reader.faults }
}

/// Whether `text` is a JSON number and nothing else.
pub fn is_number(text: &str) -> bool {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0, faults: Vec::new() };
    reader.number().is_ok() && reader.at == text.len()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    faults: Vec<Fault>,
}

type Read<T> = Result<T, Fault>;

impl Reader<'_> {
    fn text(&mut self) -> Read<Json> {
        self.skip_white_space();
        let value = self.value(1)?;
        self.skip_white_space();
        if self.at < self.bytes.len() { self.syntax("characters after the value") } else { Ok(value) }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn syntax<T>(&self, message: &'static str) -> Read<T> {
        Err(Fault { offset: self.at, kind: Kind::Syntax, message })
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Reads the value that begins here. `depth` is its own depth, if it is an array or an object.
    fn value(&mut self, depth: usize) -> Read<Json> {
        let start = self.at;
        let node = match self.peek() {
            Some(b'n') => self.literal(b"null", Node::Null)?,
            Some(b't') => self.literal(b"true", Node::Bool(true))?,
            Some(b'f') => self.literal(b"false", Node::Bool(false))?,
            Some(b'"') => Node::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'[') => self.nested(depth, Self::array)?,
            Some(b'{') => self.nested(depth, Self::object)?,
            _ => return self.syntax("no value"),
        };
        Ok(Json { node, range: start..self.at })
    }

    fn nested(&mut self, depth: usize, read: fn(&mut Self, usize) -> Read<Node>) -> Read<Node> {
        let too_deep = Fault { offset: self.at, kind: Kind::Depth, message: "nested too deep" };
        if depth > STACK_DEPTH {
            return Err(too_deep);
        }
        if depth > MAX_DEPTH {
            self.faults.push(too_deep);
        }
        self.at += 1;
        self.skip_white_space();
        read(self, depth)
    }

    fn literal(&mut self, word: &[u8], node: Node) -> Read<Node> {
        for &byte in word {
            if self.peek() != Some(byte) {
                return self.syntax("bad literal");
            }
            self.at += 1;
        }
        Ok(node)
    }

    fn digits(&mut self) -> Read<()> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.syntax("no digit");
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Read<Node> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.syntax("leading zero");
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Node::Number)
    }

    fn string(&mut self) -> Read<String> {
        self.at += 1;
        let mut decoded = Vec::new();
        loop {
            match self.peek() {
                None => return self.syntax("unexpected end in a string"),
                Some(0..=0x1f) => return self.syntax("control character in a string"),
                Some(b'"') => {
                    self.at += 1;
                    // Lossy only where the whole text is refused for its UTF-8 anyway.
                    return Ok(String::from_utf8_lossy(&decoded).into_owned());
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(byte) => {
                    decoded.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let start = self.at;
        self.at += 1;
        let simple = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode(start);
            }
            _ => return self.syntax("bad escape"),
        };
        self.at += 1;
        Ok(simple)
    }

    /// Reads what follows `\u`: four digits, and the second half of a surrogate pair if these are the first half.
    fn unicode(&mut self, start: usize) -> Read<char> {
        let unpaired = Fault { offset: start, kind: Kind::Syntax, message: UNPAIRED_SURROGATE };
        let first = self.hex4()?;
        match first {
            0xdc00..=0xdfff => Err(unpaired),
            0xd800..=0xdbff => {
                if self.peek() != Some(b'\\') || self.bytes.get(self.at + 1) != Some(&b'u') {
                    return Err(unpaired);
                }
                self.at += 2;
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(unpaired);
                }
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                Ok(char::from_u32(code).expect("a surrogate pair is a character"))
            }
            code => Ok(char::from_u32(code).expect("not a surrogate")),
        }
    }

    fn hex4(&mut self) -> Read<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return self.syntax("bad \\u escape");
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn array(&mut self, depth: usize) -> Read<Node> {
        let mut elements = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node::Array(elements));
        }
        loop {
            self.skip_white_space();
            elements.push(self.value(depth + 1)?);
            self.skip_white_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Node::Array(elements));
                }
                _ => return self.syntax("neither comma nor ]"),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Read<Node> {
        let mut members: Vec<Member> = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node::Object(members));
        }
        loop {
            self.skip_white_space();
            if self.peek() != Some(b'"') {
                return self.syntax("no member name");
            }
            let name_offset = self.at;
            let name = self.string()?;
            if members.iter().any(|member| member.name == name) {
                self.faults.push(Fault { offset: name_offset, kind: Kind::Duplicate, message: "member given twice" });
            }
            self.skip_white_space();
            if self.peek() != Some(b':') {
                return self.syntax("no colon");
            }
            self.at += 1;
            self.skip_white_space();
            let value = self.value(depth + 1)?;
            members.push(Member { name, name_offset, value });
            self.skip_white_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Node::Object(members));
                }
                _ => return self.syntax("neither comma nor }"),
            }
        }
    }
}
