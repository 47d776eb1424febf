//! Links, as each database takes many of them at once.

use serde::Serialize;
use sqlx::{Postgres, Sqlite, SqliteConnection};

use super::write::Part;
use crate::domain::ids::Recipient;
use crate::store::StoreError;
use crate::store::db::{Arm, Tx};
use crate::store::json::{hex, json_unless_empty};
use crate::store::postgres::ServerTx;

/// The links of one part in one statement: a JSON array of arrays, octets as hex, and what they have in common.
const OF_ONE: &str = "INSERT INTO links (link_id, secret_hash, attachment, attachment_id, recipient, expires_at, \
     generation, site, project, comment) \
     SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, $2, $3, $4, $5, $6 \
     FROM json_each($1)";
/// The links of many small parts: as [`OF_ONE`], and each row says all that there is to it.
const OF_MANY: &str = "INSERT INTO links (link_id, secret_hash, attachment, attachment_id, recipient, expires_at, \
     generation, site, project, comment) \
     SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
     value ->> 6, value ->> 7, value ->> 8, value ->> 9 FROM json_each($1)";
/// The links of all parts, column by column. Nothing in it can be a NUL, which PostgreSQL's texts cannot hold.
const COLUMNS: &str = "INSERT INTO links (link_id, secret_hash, attachment, attachment_id, recipient, expires_at, \
     generation, site, project, comment) \
     SELECT * FROM unnest($1::BYTEA[], $2::BYTEA[], $3::TEXT[], $4::BIGINT[], $5::TEXT[], $6::BIGINT[], $7::BIGINT[], \
     $8::TEXT[], $9::TEXT[], $10::TEXT[])";

/// From so many links on a part has a statement of its own on the embedded database: what its links have in common is then
/// read once, which costs less than another statement.
const LARGE_PART: usize = 32;

/// A link and what it opens: the attachment's id and row.
type Row<'a> = (&'a super::NewLink, &'a str, i64);

/// The links of a part. Without a project there are none.
fn rows(part: &Part) -> impl Iterator<Item = Row<'_>> {
    part.links.iter().filter_map(|link| {
        let (attachment, row) = part.attachments.get(link.attachment)?;
        Some((link, attachment.as_str(), *row))
    })
}

/// Writes the links of all parts.
pub(super) async fn insert(tx: &mut Tx, parts: &[Part]) -> Result<(), StoreError> {
    match tx.on() {
        Arm::Sqlite(on) => as_json(on, parts).await,
        Arm::Postgres(on) => as_columns(on, parts).await,
    }
}

async fn as_json(on: &mut SqliteConnection, parts: &[Part]) -> Result<(), StoreError> {
    let (large, small): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.links.len() >= LARGE_PART);
    if let Some(links) = json_unless_empty(small.into_iter().flat_map(whole_rows))? {
        sqlx::query::<Sqlite>(OF_MANY).bind(links).execute(&mut *on).await?;
    }
    for part in large {
        let (Some(generation), Some(links)) = (part.generation, json_unless_empty(rows(part).map(short_row))?) else {
            continue;
        };
        let (site, project, comment) = part.path.texts();
        let insert = sqlx::query::<Sqlite>(OF_ONE).bind(links).bind(part.expires_at).bind(generation);
        insert.bind(site).bind(project).bind(comment).execute(&mut *on).await?;
    }
    Ok(())
}

/// A link as [`OF_ONE`] reads it.
fn short_row((link, attachment, row): Row<'_>) -> (String, String, &str, i64, Option<&str>) {
    let recipient = link.recipient.as_ref().map(Recipient::as_str);
    (hex(link.id.octets()), hex(link.hash.octets()), attachment, row, recipient)
}

/// The links of a part as [`OF_MANY`] reads them.
fn whole_rows(part: &Part) -> impl Iterator<Item = impl Serialize> {
    let (site, project, comment) = part.path.texts();
    let rows = part.generation.into_iter().flat_map(move |generation| rows(part).map(move |row| (generation, row)));
    rows.map(move |(generation, row)| {
        let (id, hash, attachment, row, recipient) = short_row(row);
        (id, hash, attachment, row, recipient, part.expires_at, generation, site, project, comment)
    })
}

async fn as_columns(on: &mut ServerTx, parts: &[Part]) -> Result<(), StoreError> {
    let rows: Vec<_> = parts
        .iter()
        .filter_map(|part| Some((part, part.generation?)))
        .flat_map(|(part, generation)| rows(part).map(move |row| (part, generation, row)))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let texts = |text: fn(&Part) -> &str| rows.iter().map(|(part, ..)| text(part)).collect::<Vec<_>>();
    let insert = sqlx::query::<Postgres>(COLUMNS)
        .bind(rows.iter().map(|(.., (link, ..))| link.id.octets().as_slice()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(.., (link, ..))| link.hash.octets().as_slice()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(.., (_, attachment, _))| *attachment).collect::<Vec<_>>())
        .bind(rows.iter().map(|(.., (.., row))| *row).collect::<Vec<_>>())
        .bind(rows.iter().map(|(.., (link, ..))| link.recipient.as_ref().map(Recipient::as_str)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(part, ..)| part.expires_at).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, generation, _)| *generation).collect::<Vec<_>>())
        .bind(texts(|part| part.path.site.as_str()))
        .bind(texts(|part| part.path.project.as_str()))
        .bind(texts(|part| part.path.comment.as_str()));
    on.execute(insert).await.map(|_| ())
}
