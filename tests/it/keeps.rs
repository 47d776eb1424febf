//! Where the services of a test keep their state and their objects.

use attachlink::liveness::LivenessQuery;

use crate::harness::Service;
use crate::postgres_server::Database;
use crate::s3::bucket::Bucket;
use crate::s3::server::S3Server;

/// Where a service keeps what must last. What is not named is embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    Embedded,
    Postgres,
    /// Objects in a bucket of moto.
    Moto,
    /// Objects in a bucket of Garage.
    Garage,
}

impl Keeps {
    /// A service on a fresh database or bucket.
    pub async fn service(self) -> Service {
        self.service_around(&[], |query| query).await
    }

    /// As [`service`](Self::service), with more settings, and with something put around the liveness statements.
    pub async fn service_around(
        self,
        more: &[(&str, &str)],
        around: impl FnOnce(LivenessQuery) -> LivenessQuery,
    ) -> Service {
        match self {
            Self::Embedded => Service::start_with(more, around).await,
            Self::Postgres => {
                let database = Database::fresh().await;
                let url = database.url();
                let mut settings = vec![("ATTACHLINK_DATABASE_URL", &*url)];
                settings.extend_from_slice(more);
                let service = Service::start_with(&settings, around).await;
                Service { database: Some(database), ..service }
            }
            Self::Moto => Bucket::fresh(S3Server::moto().await).await.service_around(more, around).await,
            Self::Garage => Bucket::fresh(S3Server::garage().await).await.service_around(more, around).await,
        }
    }
}

/// Runs each of these functions as a test of its own in a module, with services that keep their state there.
macro_rules! with_services {
    ($module:ident, $keeps:ident: $($name:ident),*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::keeps::Keeps::$keeps).await;
                }
            )*
        }
    };
}
/// On each database.
macro_rules! with_each_database {
    ($($name:ident),* $(,)?) => {
        $crate::keeps::with_services!(embedded, Embedded: $($name),*);
        $crate::keeps::with_services!(postgres, Postgres: $($name),*);
    };
}
/// With objects in buckets.
macro_rules! with_each_bucket {
    ($($name:ident),* $(,)?) => {
        $crate::keeps::with_services!(moto, Moto: $($name),*);
        $crate::keeps::with_services!(garage, Garage: $($name),*);
    };
}
/// On each database, and with objects in buckets.
macro_rules! with_each_database_and_bucket {
    ($($name:ident),* $(,)?) => {
        $crate::keeps::with_each_database!($($name),*);
        $crate::keeps::with_each_bucket!($($name),*);
    };
}
/// With objects in a directory and in buckets.
macro_rules! with_each_object_store {
    ($($name:ident),* $(,)?) => {
        $crate::keeps::with_services!(directory, Embedded: $($name),*);
        $crate::keeps::with_each_bucket!($($name),*);
    };
}
pub(crate) use {
    with_each_bucket, with_each_database, with_each_database_and_bucket, with_each_object_store, with_services,
};
