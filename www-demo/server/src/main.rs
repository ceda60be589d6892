//! Runs the reference auth server until SIGINT or SIGTERM: settings from the environment, one line of JSON on standard
//! output once it listens, logs on standard error. Other [`commands`] administer it.

mod commands;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use commands::Command;
use nolapse_server::{
    config::{Config, LogFormat},
    serve::{RunningServer, Server},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a standard error the exit code has to do.
            drop(writeln!(io::stderr(), "nolapse-server: {error}"));
            ExitCode::from(commands::exit_code(&*error))
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let command = Command::parse(&words)?;
    let config = Config::from_environment()?;
    log(&config);
    if command == Command::Serve {
        return serve(config).await;
    }
    command.run(&config).await
}

async fn serve(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let server = Server::start(config).await?;
    announce(&server)?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    tracing::info!("stopping");
    server.shutdown().await;
    Ok(())
}

fn announce(server: &RunningServer) -> io::Result<()> {
    let scheme = if server.certificate.is_some() {
        "https"
    } else {
        "http"
    };
    let mut listening = serde_json::json!({
        "listening": {
            "auth": format!("{scheme}://{}", server.auth_addr),
            "api": format!("{scheme}://{}", server.api_addr),
        }
    });
    if let Some(certificate) = &server.certificate {
        listening["listening"]["certificate"] = certificate.display().to_string().into();
    }
    if let Some(address) = server.metrics_addr {
        listening["listening"]["metrics"] = format!("http://{address}").into();
    }
    let mut out = io::stdout();
    writeln!(out, "{listening}")?;
    out.flush()
}

fn log(config: &Config) {
    let level = config.log.map_or(LevelFilter::OFF, LevelFilter::from_level);
    let builder = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(level);
    match config.log_format {
        LogFormat::Json => builder.json().with_span_list(false).init(),
        LogFormat::Text => builder.with_ansi(false).init(),
    }
}
