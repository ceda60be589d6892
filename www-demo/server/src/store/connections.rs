//! The connections to `PostgreSQL`: its own, or those of a pooler that gives one to each transaction.
//!
//! Behind such a pooler (`PgBouncer`, `pool_mode = transaction`) a statement and its successor may run on two connections, so
//! nothing may stay on one: no named statement, no setting, no lock of a session. There each statement runs in a
//! transaction of its own, unnamed, with the time-outs set for it alone.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    pin::Pin,
};

use futures_util::{FutureExt, Stream, TryFutureExt, TryStreamExt, stream};
use sqlx::{
    Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr, Transaction as Begun,
    postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};

/// What stands between the server and the database, `DATABASE_POOLER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or what gives each of the server's connections one of its own.
    #[default]
    None,
    /// A pooler that gives a connection to each transaction.
    Transaction,
}

impl std::str::FromStr for Pooler {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "none" => Ok(Self::None),
            "transaction" => Ok(Self::Transaction),
            _ => Err(()),
        }
    }
}

macro_rules! timeouts {
    ($($name:literal = $value:literal),+) => {
        /// The time-outs of a statement, a lock and an idle transaction.
        pub(super) const TIMEOUTS: [(&str, &str); 3] = [$(($name, $value)),+];

        /// Begins a transaction with the [`TIMEOUTS`].
        const BEGIN: &str = concat!("BEGIN", $("; SET LOCAL ", $name, " = '", $value, "'"),+);
    };
}

timeouts!(
    "statement_timeout" = "5s",
    "lock_timeout" = "2s",
    "idle_in_transaction_session_timeout" = "10s"
);

/// Returns the remedy of a connection that a pooler refuses for the settings that come with it; `None` for other errors.
pub(super) fn remedy(error: &Error) -> Option<&'static str> {
    let message = error.as_database_error()?.message();
    message
        .starts_with("unsupported startup parameter")
        .then_some("there is a pooler before it: set DATABASE_POOLER=transaction")
}

/// A pool of connections.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    pool: PgPool,
    pooler: Pooler,
}

impl Connections {
    pub(super) const fn new(pool: PgPool, pooler: Pooler) -> Self {
        Self { pool, pooler }
    }

    /// Returns what stands between the server and the database.
    pub(super) const fn pooler(&self) -> Pooler {
        self.pooler
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        self.begin_with("BEGIN").await
    }

    /// Begins a transaction with a statement; behind a pooler with the plain one and the time-outs.
    pub(super) async fn begin_with(&self, statement: &'static str) -> Result<Transaction, Error> {
        let statement = match self.pooler {
            Pooler::None => statement,
            Pooler::Transaction => BEGIN,
        };
        Ok(Transaction(Connection {
            begun: self.pool.begin_with(statement).await?,
            pooler: self.pooler,
        }))
    }
}

impl Deref for Connections {
    type Target = PgPool;

    fn deref(&self) -> &PgPool {
        &self.pool
    }
}

/// A transaction, which rolls back when it is dropped.
#[derive(Debug)]
pub(super) struct Transaction(Connection);

impl Transaction {
    /// Returns the connection as the driver knows it: statements on it are named.
    pub(super) fn plain(&mut self) -> &mut PgConnection {
        &mut self.0.begun
    }

    pub(super) async fn rollback(self) -> Result<(), Error> {
        self.0.begun.rollback().await
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        self.0.begun.commit().await
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

/// The connection of a transaction.
pub(super) struct Connection {
    begun: Begun<'static, Postgres>,
    pooler: Pooler,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connection(…)")
    }
}

/// A statement whose name is not kept on the connection where there is a pooler.
struct Statement<E> {
    statement: E,
    pooler: Pooler,
}

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Statement<E> {
    fn sql(self) -> SqlStr {
        self.statement.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.statement.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, sqlx::error::BoxDynError> {
        self.statement.take_arguments()
    }

    fn persistent(&self) -> bool {
        self.pooler == Pooler::None && self.statement.persistent()
    }
}

type Pending<'e, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'e>>;
type Rows<'e> =
    Pin<Box<dyn Stream<Item = Result<Either<PgQueryResult, PgRow>, Error>> + Send + 'e>>;

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, statement: E) -> Rows<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pooler = self.pooler;
        (&mut *self.begun).fetch_many(Statement { statement, pooler })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, statement: E) -> Pending<'e, Option<PgRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pooler = self.pooler;
        (&mut *self.begun).fetch_optional(Statement { statement, pooler })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> Pending<'e, PgStatement>
    where
        'c: 'e,
    {
        (&mut *self.begun).prepare_with(sql, parameters)
    }
}

impl<'c> Executor<'c> for &'c Connections {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, statement: E) -> Rows<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        if self.pooler == Pooler::None {
            return self.pool.fetch_many(statement);
        }
        let all = async move {
            let mut transaction = self.begin().await?;
            let steps = (&mut *transaction).fetch_many(statement);
            let steps: Vec<_> = steps.try_collect().await?;
            transaction.commit().await?;
            Ok(stream::iter(steps.into_iter().map(Ok)))
        };
        Box::pin(all.try_flatten_stream())
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, statement: E) -> Pending<'e, Option<PgRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        if self.pooler == Pooler::None {
            return self.pool.fetch_optional(statement);
        }
        let one = async move {
            let mut transaction = self.begin().await?;
            let row = (&mut *transaction).fetch_optional(statement).await?;
            transaction.commit().await?;
            Ok(row)
        };
        one.boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> Pending<'e, PgStatement>
    where
        'c: 'e,
    {
        self.pool.prepare_with(sql, parameters)
    }
}
