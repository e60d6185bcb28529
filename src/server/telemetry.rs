//! What the process writes about itself: lines for people, JSON for machines when nobody is looking.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts writing the log to standard error, as much of it as `filter` (`RUST_LOG`) asks for.
pub fn start(filter: Option<&str>) {
    // axum-login writes people to the log at debug level, the AWS SDK secrets at trace: neither is ever asked.
    let filter = EnvFilter::try_new(filter.unwrap_or("info"))
        .unwrap_or_else(|_| EnvFilter::new("info"))
        .add_directive(tracing_subscriber::filter::LevelFilter::INFO.into_quiet("axum_login"))
        .add_directive(tracing_subscriber::filter::LevelFilter::INFO.into_quiet("aws_smithy_runtime"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.compact().init();
    } else {
        builder.json().init();
    }
}

trait Quiet {
    fn into_quiet(self, target: &str) -> tracing_subscriber::filter::Directive;
}

impl Quiet for tracing_subscriber::filter::LevelFilter {
    /// A directive that holds one crate at this level.
    fn into_quiet(self, target: &str) -> tracing_subscriber::filter::Directive {
        format!("{target}={self}").parse().unwrap_or_else(|_| self.into())
    }
}
