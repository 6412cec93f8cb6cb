//! Calls one function on the arguments of plan.json and prints what it returned. A crate of its own, so that its private
//! names are out of the answer's reach. The function's own types decide, by traits; borrowed arguments live forever.
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::{Debug, Write as _};
use std::hash::Hash;
use std::io::Write as _;
use std::panic::{catch_unwind, AssertUnwindSafe};

// ---- JSON of the plan: a number keeps its text
#[derive(Debug)]
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Json>),
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn skip(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b',' | b':' | b'\n')) {
            self.at += 1;
        }
    }

    fn hex(&mut self) -> u32 {
        self.at += 4;
        let digits = std::str::from_utf8(&self.text[self.at - 4..self.at]).expect("the plan is ASCII");
        u32::from_str_radix(digits, 16).expect("four hexadecimal digits")
    }

    fn text(&mut self) -> String {
        let mut out = String::new();
        self.at += 1;
        while self.text[self.at] != b'"' {
            let mut c = self.text[self.at] as char;
            self.at += 1;
            if c == '\\' {
                let escape = self.text[self.at] as char;
                self.at += 1;
                c = match escape {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\x08',
                    'f' => '\x0c',
                    'u' => self.unit(),
                    other => other,
                };
            }
            out.push(c);
        }
        self.at += 1;
        out
    }

    fn unit(&mut self) -> char {
        let mut code = self.hex();
        if (0xD800..0xDC00).contains(&code) {
            self.at += 2;
            code = 0x10000 + ((code - 0xD800) << 10) + (self.hex() - 0xDC00);
        }
        char::from_u32(code).unwrap_or('\u{FFFD}')
    }

    fn value(&mut self) -> Json {
        self.skip();
        match self.text[self.at] {
            b'"' => Json::Text(self.text()),
            b'[' | b'{' => {
                let mut items = Vec::new();
                self.at += 1;
                self.skip();
                while !matches!(self.text[self.at], b']' | b'}') {
                    items.push(self.value());
                    self.skip();
                }
                self.at += 1;
                Json::Array(items)
            }
            _ => {
                let rest = &self.text[self.at..];
                let size = rest.iter().position(|c| b",:]} \n".contains(c)).unwrap_or(rest.len());
                self.at += size;
                match std::str::from_utf8(&rest[..size]).expect("the plan is ASCII") {
                    "null" => Json::Null,
                    "true" => Json::Bool(true),
                    "false" => Json::Bool(false),
                    number => Json::Number(number.to_string()),
                }
            }
        }
    }
}

impl Json {
    fn items(&self) -> Result<&[Json], String> {
        match self {
            Json::Array(items) => Ok(items),
            _ => Err(self.is_no("list")),
        }
    }

    fn field(&self, key: &str) -> &Json {
        let items = self.items().expect("an object");
        let place = items.iter().step_by(2).position(|k| matches!(k, Json::Text(text) if text == key));
        &items[2 * place.expect("the plan has the field") + 1]
    }

    fn is_no(&self, what: &str) -> String {
        format!("{:.80} is no {}", format!("{:?}", self), what)
    }
}

// ---- from JSON to a declared parameter type
pub trait Take: Sized {
    fn take(json: &Json) -> Result<Self, String>;
}

macro_rules! take_int {
    ($($kind:ty)*) => {$(
        impl Take for $kind {
            fn take(json: &Json) -> Result<Self, String> {
                match json {
                    Json::Number(text) => text.parse().map_err(|_| json.is_no(stringify!($kind))),
                    _ => Err(json.is_no(stringify!($kind))),
                }
            }
        }
    )*};
}
take_int!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

macro_rules! take_float {
    ($($kind:ty)*) => {$(
        impl Take for $kind {
            fn take(json: &Json) -> Result<Self, String> {
                match json {
                    Json::Number(text) | Json::Text(text) => text.parse().map_err(|_| json.is_no(stringify!($kind))),
                    _ => Err(json.is_no(stringify!($kind))),
                }
            }
        }
    )*};
}
take_float!(f32 f64);

impl Take for bool {
    fn take(json: &Json) -> Result<Self, String> {
        match json {
            Json::Bool(value) => Ok(*value),
            _ => Err(json.is_no("bool")),
        }
    }
}

impl Take for String {
    fn take(json: &Json) -> Result<Self, String> {
        match json {
            Json::Text(text) => Ok(text.clone()),
            _ => Err(json.is_no("String")),
        }
    }
}

impl Take for char {
    fn take(json: &Json) -> Result<Self, String> {
        let text = String::take(json)?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(c),
            _ => Err(json.is_no("char")),
        }
    }
}

impl<T: Take> Take for Option<T> {
    fn take(json: &Json) -> Result<Self, String> {
        match json {
            Json::Null => Ok(None),
            _ => T::take(json).map(Some),
        }
    }
}

impl<T: Take> Take for Box<T> {
    fn take(json: &Json) -> Result<Self, String> {
        T::take(json).map(Box::new)
    }
}

impl<T: Take, const N: usize> Take for [T; N] {
    fn take(json: &Json) -> Result<Self, String> {
        Vec::<T>::take(json)?.try_into().map_err(|_| json.is_no("array of this length"))
    }
}

macro_rules! take_list {
    ($($kind:ident: $($bound:ident)*;)*) => {$(
        impl<T: Take $(+ $bound)*> Take for $kind<T> {
            fn take(json: &Json) -> Result<Self, String> {
                json.items()?.iter().map(T::take).collect()
            }
        }
    )*};
}
take_list!(Vec:; VecDeque:; HashSet: Eq Hash; BTreeSet: Ord;);

macro_rules! take_map {
    ($($kind:ident: $($bound:ident)*;)*) => {$(
        impl<K: Take $(+ $bound)*, V: Take> Take for $kind<K, V> {
            fn take(json: &Json) -> Result<Self, String> {
                json.items()?.iter().map(<(K, V)>::take).collect()
            }
        }
    )*};
}
take_map!(HashMap: Eq Hash; BTreeMap: Ord;);

impl Take for &'static str {
    fn take(json: &Json) -> Result<Self, String> {
        String::take(json).map(|text| &*Box::leak(text.into_boxed_str()))
    }
}

impl<T: Take> Take for &'static [T] {
    fn take(json: &Json) -> Result<Self, String> {
        Vec::take(json).map(|items| &*Box::leak(items.into_boxed_slice()))
    }
}

impl<T: Take> Take for &'static mut [T] {
    fn take(json: &Json) -> Result<Self, String> {
        Vec::take(json).map(|items| Box::leak(items.into_boxed_slice()))
    }
}

impl<T: Take> Take for &'static T {
    fn take(json: &Json) -> Result<Self, String> {
        T::take(json).map(|value| &*Box::leak(Box::new(value)))
    }
}

impl<T: Take> Take for &'static mut T {
    fn take(json: &Json) -> Result<Self, String> {
        T::take(json).map(|value| Box::leak(Box::new(value)))
    }
}

// ---- from a result to JSON; an Err is the call's error
pub trait Give {
    fn give(&self, out: &mut String) -> Result<(), String>;
}

macro_rules! give_plain {
    ($($kind:ty)*) => {$(
        impl Give for $kind {
            fn give(&self, out: &mut String) -> Result<(), String> {
                write!(out, "{}", self).map_err(|e| e.to_string())
            }
        }
    )*};
}
give_plain!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize bool);

macro_rules! give_float {
    ($($kind:ty)*) => {$(
        impl Give for $kind {
            fn give(&self, out: &mut String) -> Result<(), String> {
                let name = if self.is_nan() { "\"NaN\"" } else if *self > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" };
                if self.is_finite() { write!(out, "{:?}", self) } else { write!(out, "{}", name) }.map_err(|e| e.to_string())
            }
        }
    )*};
}
give_float!(f32 f64);

impl Give for str {
    fn give(&self, out: &mut String) -> Result<(), String> {
        out.push('"');
        for c in self.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\0'..='\x1f' | '\x7f' => write!(out, "\\u{:04x}", c as u32).map_err(|e| e.to_string())?,
                _ => out.push(c),
            }
        }
        out.push('"');
        Ok(())
    }
}

impl Give for String {
    fn give(&self, out: &mut String) -> Result<(), String> {
        self.as_str().give(out)
    }
}

impl Give for char {
    fn give(&self, out: &mut String) -> Result<(), String> {
        self.to_string().give(out)
    }
}

impl Give for () {
    fn give(&self, out: &mut String) -> Result<(), String> {
        out.push_str("null");
        Ok(())
    }
}

impl<T: Give> Give for Option<T> {
    fn give(&self, out: &mut String) -> Result<(), String> {
        match self {
            Some(value) => value.give(out),
            None => ().give(out),
        }
    }
}

impl<T: Give, E: Debug> Give for Result<T, E> {
    fn give(&self, out: &mut String) -> Result<(), String> {
        match self {
            Ok(value) => value.give(out),
            Err(error) => Err(format!("{:?}", error)),
        }
    }
}

macro_rules! give_through {
    ($($kind:ty)*) => {$(
        impl<T: Give + ?Sized> Give for $kind {
            fn give(&self, out: &mut String) -> Result<(), String> {
                (**self).give(out)
            }
        }
    )*};
}
give_through!(&T &mut T Box<T> std::rc::Rc<T>);

impl<T: Give + ToOwned + ?Sized> Give for std::borrow::Cow<'_, T> {
    fn give(&self, out: &mut String) -> Result<(), String> {
        (**self).give(out)
    }
}

fn listed<T: Give>(items: impl Iterator<Item = T>, out: &mut String) -> Result<(), String> {
    out.push('[');
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        item.give(out)?;
    }
    out.push(']');
    Ok(())
}

macro_rules! give_list {
    ($([$($params:tt)*] $kind:ty;)*) => {$(
        impl<$($params)*> Give for $kind {
            fn give(&self, out: &mut String) -> Result<(), String> {
                listed(self.iter(), out)
            }
        }
    )*};
}
give_list!([T: Give] [T]; [T: Give] Vec<T>; [T: Give] VecDeque<T>; [T: Give] BTreeSet<T>; [T: Give, S] HashSet<T, S>;
           [T: Give, const N: usize] [T; N]; [K: Give, V: Give] BTreeMap<K, V>; [K: Give, V: Give, S] HashMap<K, V, S>;);

macro_rules! tuples {
    ($($($name:ident $at:tt)+;)*) => {$(
        impl<$($name: Take),+> Take for ($($name,)+) {
            fn take(json: &Json) -> Result<Self, String> {
                let items = json.items()?;
                if items.len() != [$($at),+].len() {
                    return Err(json.is_no("tuple of this length"));
                }
                Ok(($($name::take(&items[$at])?,)+))
            }
        }
        impl<$($name: Give),+> Give for ($($name,)+) {
            fn give(&self, out: &mut String) -> Result<(), String> {
                out.push('[');
                $(
                    if $at > 0 {
                        out.push(',');
                    }
                    self.$at.give(out)?;
                )+
                out.push(']');
                Ok(())
            }
        }
        impl<F: Fn($($name),+) -> R, R: Give, $($name: Take),+> Call<($($name,)+)> for F {
            fn call(&self, row: &Json, out: &mut String) -> Result<(), String> {
                let items = row.items()?;
                if items.len() != [$($at),+].len() {
                    return Err(row.is_no("argument list of this length"));
                }
                self($($name::take(&items[$at]).map_err(|text| format!("Unsupported: {}", text))?),+).give(out)
            }
        }
    )*};
}

// ---- calling
pub trait Call<Arguments> {
    fn call(&self, row: &Json, out: &mut String) -> Result<(), String>;
}

impl<F: Fn() -> R, R: Give> Call<()> for F {
    fn call(&self, row: &Json, out: &mut String) -> Result<(), String> {
        match row.items()? {
            [] => self().give(out),
            _ => Err(row.is_no("argument list of this length")),
        }
    }
}

tuples! {
    A 0;
    A 0 B 1;
    A 0 B 1 C 2;
    A 0 B 1 C 2 D 3;
    A 0 B 1 C 2 D 3 E 4;
    A 0 B 1 C 2 D 3 E 4 G 5;
    A 0 B 1 C 2 D 3 E 4 G 5 H 6;
    A 0 B 1 C 2 D 3 E 4 G 5 H 6 I 7;
    A 0 B 1 C 2 D 3 E 4 G 5 H 6 I 7 J 8;
    A 0 B 1 C 2 D 3 E 4 G 5 H 6 I 7 J 8 K 9;
}

fn emit(line: &str) {
    let mut out = std::io::stdout();
    let text = format!("\n{}\n", line);
    if out.write_all(text.as_bytes()).and_then(|_| out.flush()).is_err() {
        std::process::exit(70);
    }
}

fn outcome<A>(call: &impl Call<A>, row: &Json) -> String {
    let mut out = String::new();
    let error = match catch_unwind(AssertUnwindSafe(|| call.call(row, &mut out))) {
        Ok(Ok(())) => return out,
        Ok(Err(text)) => text,
        Err(panic) => match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(text), _) => text.to_string(),
            (_, Some(text)) => text.clone(),
            _ => "panic".to_string(),
        },
    };
    let line: Vec<&str> = error.split_whitespace().collect();
    format!("!{:.300}", line.join(" "))
}

/// Call the function on all argument lists of the plan, then end the process.
pub fn run<A>(call: impl Call<A>) -> ! {
    let text = std::fs::read("plan.json").unwrap_or_default();
    let _ = std::fs::remove_file("plan.json");
    let plan = Reader { text: &text, at: 0 }.value();
    let nonce = match plan.field("nonce") {
        Json::Text(nonce) => nonce,
        _ => std::process::exit(70),
    };
    for (i, row) in plan.field("args").items().expect("a list").iter().enumerate() {
        emit(&format!("{}\t{}\t{}", nonce, i, outcome(&call, row)));
    }
    emit(&format!("{}\tend", nonce));
    std::process::exit(0)
}
