//! Queries whose conditions depend on what is asked for.
//!
//! In: conditions, each with a value, or none. Out: a query with those that are asked for alone, so that
//! the database finds an index for them; where one text for all says `$1 = '' or ...`, it reads the whole
//! table. Never: a value in the text.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

/// A query that grows.
pub(super) struct Asked<'a> {
    sql: String,
    values: Vec<Value<'a>>,
}

/// What a condition compares with.
pub(super) enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> Asked<'a> {
    /// Begins with a text that ends in a condition.
    pub(super) fn new(select: &'static str) -> Self {
        Self {
            sql: select.to_owned(),
            values: Vec::new(),
        }
    }

    /// Asks for one more thing, if there is a value; `?` stands for it, as often as it is needed.
    pub(super) fn and(
        mut self,
        condition: &'static str,
        value: Option<impl Into<Value<'a>>>,
    ) -> Self {
        if let Some(value) = value {
            let place = self.place(value.into());
            self.sql.push_str(" and ");
            self.sql.push_str(&condition.replace('?', &place));
        }
        self
    }

    /// Asks for what comes before a place of two parts.
    pub(super) fn before(mut self, columns: &'static str, place: Option<(&'a str, i64)>) -> Self {
        if let Some((text, number)) = place {
            let (text, number) = (self.place(text.into()), self.place(number.into()));
            let condition = format!(" and ({columns}) < ({text}, {number})");
            self.sql.push_str(&condition);
        }
        self
    }

    /// Ends with an order, and at most so many rows.
    pub(super) fn page(mut self, order: &'static str, limit: i64) -> Query<'a, Any, AnyArguments> {
        let place = self.place(Value::Number(limit));
        let sql = format!("{} order by {order} limit {place}", self.sql);
        let query = sqlx::query(AssertSqlSafe(sql));
        self.values
            .into_iter()
            .fold(query, |query, value| match value {
                Value::Number(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
            })
    }

    fn place(&mut self, value: Value<'a>) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Execute as _;

    use super::*;

    #[test]
    fn only_what_is_asked_for_stands_in_the_text() {
        let asked = Asked::new("select id from a where id < 5")
            .and("b = ?", Some("x"))
            .and("c = ?", None::<i64>)
            .and("(d = ? or e = ?)", Some(7));
        let expected =
            "select id from a where id < 5 and b = $1 and (d = $2 or e = $2) order by id limit $3";
        assert_eq!(asked.page("id", 9).sql().as_str(), expected);
    }
}
