//! Lists on their way into statements: as JSON, which statements of both databases take apart.

use serde::Serialize;

use super::StoreError;

/// A list as a JSON array.
pub(super) fn json_list(items: impl Iterator<Item = impl Serialize>) -> Result<String, StoreError> {
    let items: Vec<_> = items.collect();
    serde_json::to_string(&items).map_err(|_| StoreError::Corrupt("a list that cannot be written as JSON"))
}

/// As [`json_list`]; `None` for an empty one.
pub(super) fn json_unless_empty(items: impl Iterator<Item = impl Serialize>) -> Result<Option<String>, StoreError> {
    let mut items = items.peekable();
    if items.peek().is_none() { Ok(None) } else { json_list(items).map(Some) }
}

/// Octets as lower-case hex.
pub(super) fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(octets.len() * 2);
    for octet in octets {
        hex.push(char::from(DIGITS[usize::from(octet >> 4)]));
        hex.push(char::from(DIGITS[usize::from(octet & 0xf)]));
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_as_hex() {
        assert_eq!(hex(&[]), "");
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }

    #[test]
    fn lists() {
        assert_eq!(json_list(["a", "\"b\""].iter()).unwrap(), r#"["a","\"b\""]"#);
        assert_eq!(json_list([(1, None::<&str>)].iter()).unwrap(), "[[1,null]]");
        assert_eq!(json_list(std::iter::empty::<u8>()).unwrap(), "[]");
        assert_eq!(json_unless_empty(std::iter::empty::<u8>()).unwrap(), None);
        assert_eq!(json_unless_empty([1].iter()).unwrap().as_deref(), Some("[1]"));
    }
}
