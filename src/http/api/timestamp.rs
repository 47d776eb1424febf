//! Times as the API writes them.

use serde::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A time as RFC 3339 in UTC, in whole seconds, with `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-12-19T10:00:00Z")]
pub struct Timestamp(pub OffsetDateTime);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = self.0.to_offset(UtcOffset::UTC).replace_nanosecond(0).unwrap_or(self.0);
        let text = whole.format(&Rfc3339).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn whole_seconds_in_utc() {
        for time in [datetime!(2026-12-19 10:00:00.999 UTC), datetime!(2026-12-19 11:00:00 +01:00)] {
            assert_eq!(serde_json::to_string(&Timestamp(time)).unwrap(), "\"2026-12-19T10:00:00Z\"");
        }
    }
}
