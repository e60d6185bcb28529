//! No statement outlives the database. A statement has no timeout of its own in the driver; on a connection whose far end
//! fell silent it would wait for as long as TCP does, a quarter of an hour. Here every one ends, with an error, when
//! [`Health`] says that the database is away.

use super::health::Health;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyConnection, AnyPool, Describe, Either, Error, Execute, Executor, SqlStr};
use std::sync::{Arc, PoisonError, RwLock};

/// What one statement answers, row by row.
type Steps<'e> = BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>;

/// Where reads go: any connection of the pool. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reads {
    /// Another one after every outage, so that nothing of before is waited for.
    pool: Arc<RwLock<AnyPool>>,
    health: Health,
}

/// One statement of a transaction.
#[derive(Debug)]
pub struct Statement<'c> {
    connection: &'c mut AnyConnection,
    health: &'c Health,
}

impl Reads {
    pub(super) fn new(pool: AnyPool, health: Health) -> Self {
        Self { pool: Arc::new(RwLock::new(pool)), health }
    }

    /// The connections of this moment.
    pub(super) fn pool(&self) -> AnyPool {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, fresh: AnyPool) {
        *self.pool.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}

impl<'c> Statement<'c> {
    pub(super) const fn new(connection: &'c mut AnyConnection, health: &'c Health) -> Self {
        Self { connection, health }
    }
}

/// All rows at once, in time. Whoever asks for a stream collects it anyway.
fn steps<'e>(all: impl Future<Output = Result<Vec<Either<AnyQueryResult, AnyRow>>, Error>> + Send + 'e) -> Steps<'e> {
    stream::once(all).map_ok(|steps| stream::iter(steps.into_iter().map(Ok))).try_flatten().boxed()
}

impl<'c> Executor<'c> for &'c Reads {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let (pool, health) = (self.pool(), &self.health);
        steps(async move { health.in_time(pool.fetch_many(query).try_collect()).await })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let (pool, health) = (self.pool(), &self.health);
        async move { health.in_time(pool.fetch_optional(query)).await }.boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'c: 'e,
    {
        let (pool, health) = (self.pool(), &self.health);
        async move { health.in_time(pool.prepare_with(sql, parameters)).await }.boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'c: 'e,
    {
        let (pool, health) = (self.pool(), &self.health);
        async move { health.in_time(pool.describe(sql)).await }.boxed()
    }
}

impl<'c> Executor<'c> for Statement<'c> {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let Self { connection, health } = self;
        steps(async move { health.in_time(connection.fetch_many(query).try_collect()).await })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let Self { connection, health } = self;
        async move { health.in_time(connection.fetch_optional(query)).await }.boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'c: 'e,
    {
        let Self { connection, health } = self;
        async move { health.in_time(connection.prepare_with(sql, parameters)).await }.boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'c: 'e,
    {
        let Self { connection, health } = self;
        async move { health.in_time(connection.describe(sql)).await }.boxed()
    }
}
