//! The cost of hostile input: processor time of the worst input beside usual input of about the same size, and
//! connections that are still open after four times `timeout`.
//!
//! `cargo bench -p nolapse-server --profile server --bench hostile`

#[path = "hostile/inputs.rs"]
mod inputs;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/common/instances.rs"]
mod instances;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::Duration,
};

use inputs::{COSTLY, PAGE, Pair, get, pairs, post};
use instances::Instance;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, timeout},
};

/// How many sign-ups are timed of each password.
const SIGN_UPS: usize = 40;
/// How often the worst password and an ordinary one are timed in turns.
const ROUNDS: u32 = 3;
const ORDINARY: &str = "correct horse battery";
/// How many cheaper requests are timed of each kind.
const REQUESTS: usize = 4_000;
/// The most that the worst sign-up may cost, in ordinary ones.
const MOST: f64 = 1.3;
const PATIENCE: Duration = Duration::from_secs(1);
const HELD_OF_A_KIND: usize = 20;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Reads one answer; returns its status.
async fn answer(stream: &mut TcpStream) -> Result<u16, Failure> {
    let mut text = Vec::new();
    loop {
        if stream.read_buf(&mut text).await? == 0 {
            return Err("the server closed the connection".into());
        }
        let read = String::from_utf8_lossy(&text);
        let Some((head, body)) = read.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(Ok(0), str::parse)? {
            let status = head.split(' ').nth(1).unwrap_or_default();
            return Ok(status.parse()?);
        }
    }
}

/// Sends requests one after another and returns the server's processor time for each.
async fn cost(
    server: &Instance,
    address: &str,
    requests: impl IntoIterator<Item = String>,
    expected: &[u16],
) -> Result<Duration, Failure> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let before = processor_time(server.process())?;
    let mut count = 0;
    for request in requests {
        stream.write_all(request.as_bytes()).await?;
        let status = answer(&mut stream).await?;
        if !expected.contains(&status) {
            return Err(format!("an answer was {status}").into());
        }
        count += 1;
    }
    let after = processor_time(server.process())?;
    Ok(after.saturating_sub(before) / count)
}

async fn sign_ups(folder: &Path) -> Result<f64, Failure> {
    let settings = [
        ("ALLOWED_ORIGINS", PAGE),
        ("PASSWORDS_PER_ACCOUNT", "0"),
        ("PASSWORD_MEMORY_KIB", "19456"),
    ];
    let server = Instance::start(folder, &settings);
    let mut number = 0;
    let mut requests = |password: String| {
        let of_one: Vec<String> = (0..SIGN_UPS)
            .map(|_| {
                number += 1;
                let email = format!("user{number}@example.org");
                let body = serde_json::json!({ "email": email, "password": password });
                post("/auth/sign-up", &body.to_string())
            })
            .collect();
        of_one
    };
    let warm = requests(ORDINARY.to_owned());
    cost(&server, &server.auth, warm, &[200]).await?;
    let mut worst = (Duration::ZERO, String::new());
    for unit in COSTLY {
        for length in [32, 100, 256] {
            let password: String = unit.chars().cycle().take(length).collect();
            let of_one = requests(password.clone());
            let took = cost(&server, &server.auth, of_one, &[200, 400]).await?;
            worst = worst.max((took, password));
        }
    }
    // In turns: what else the machine does costs both alike.
    let (mut ordinary, mut costly) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ROUNDS {
        let of_one = requests(ORDINARY.to_owned());
        ordinary += cost(&server, &server.auth, of_one, &[200]).await? / ROUNDS;
        let of_one = requests(worst.1.clone());
        costly += cost(&server, &server.auth, of_one, &[200, 400]).await? / ROUNDS;
    }
    let ratio = costly.as_secs_f64() / ordinary.as_secs_f64();
    writeln!(
        io::stdout(),
        "processor time of a sign-up: ordinary {:.1} ms, worst {:.1} ms: {ratio:.2} × (at most {MOST}), \
         with the password {}",
        ordinary.as_secs_f64() * 1e3,
        costly.as_secs_f64() * 1e3,
        worst.1
    )?;
    Ok(ratio)
}

async fn other_inputs(folder: &Path) -> Result<(), Failure> {
    let settings = [
        ("ALLOWED_ORIGINS", PAGE),
        ("PASSWORDS_PER_ACCOUNT", "0"),
        ("TRUSTED_PROXIES", "1"),
    ];
    let server = Instance::start(folder, &settings);
    let refused = [400, 401, 404, 431];
    for pair in pairs() {
        let Pair {
            name,
            is_for_api,
            usual,
            worst,
        } = pair;
        let address = if is_for_api {
            &server.api
        } else {
            &server.auth
        };
        let times = |request: String| std::iter::repeat_n(request, REQUESTS);
        let usual = cost(&server, address, times(usual), &refused).await?;
        let worst = cost(&server, address, times(worst), &refused).await?;
        writeln!(
            io::stdout(),
            "processor time, {name:<20} usual {:>6.1} µs, worst {:>6.1} µs",
            usual.as_secs_f64() * 1e6,
            worst.as_secs_f64() * 1e6
        )?;
    }
    Ok(())
}

/// Opens connections that are not used, and counts those that the server still has after four times its
/// timeout.
async fn held(folder: &Path) -> Result<usize, Failure> {
    let site = folder.join("site");
    fs::create_dir_all(&site)?;
    File::create(site.join("large.bin"))?.set_len(256 * 1024 * 1024)?;
    let site = site.to_string_lossy().into_owned();
    let settings = [
        ("ALLOWED_ORIGINS", PAGE),
        ("SITE_DIR", &*site),
        ("REQUEST_TIMEOUT_SECONDS", "1"),
    ];
    let server = Instance::start(folder, &settings);
    let before = sockets(server.process())?;
    let request = get("/large.bin", "");
    let kinds = [
        request.clone(),
        get("/openapi.json", "").repeat(1_000),
        "GET /healthz HTTP/1.1\r\nhost: x\r\n".to_owned(),
        post("/auth/refresh", &" ".repeat(90)).trim_end().to_owned() + "\r\n\r\n{",
        String::new(),
        request,
    ];
    let mut clients = Vec::new();
    for sent in &kinds {
        for _ in 0..HELD_OF_A_KIND {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(16_384)?;
            let mut stream = socket.connect(server.auth.parse()?).await?;
            drop(timeout(Duration::from_millis(50), stream.write_all(sent.as_bytes())).await);
            clients.push(stream);
        }
    }
    let deadline = Instant::now() + 4 * PATIENCE;
    while Instant::now() < deadline {
        // The last kind reads a byte a second.
        for client in clients.iter().rev().take(HELD_OF_A_KIND) {
            drop(client.try_read(&mut [0]));
        }
        tokio::time::sleep(PATIENCE).await;
    }
    let left = sockets(server.process())?.saturating_sub(before);
    writeln!(
        io::stdout(),
        "connections held after 4 × timeout: {left} of {} (at most 0)",
        clients.len()
    )?;
    Ok(left)
}

/// Counts the sockets of a process.
fn sockets(process: u32) -> io::Result<usize> {
    let files = fs::read_dir(format!("/proc/{process}/fd"))?.flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    Ok(targets
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count())
}

/// Returns the processor time that a process has taken, as Linux counts it: hundredths of a second.
fn processor_time(process: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .map_or(Ok(0), |field| field.parse::<u64>())
    };
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let folders = [(); 3].map(|()| tempfile::tempdir());
    let [first, second, third] = folders;
    let ratio = sign_ups(first?.path()).await?;
    other_inputs(second?.path()).await?;
    let left = held(third?.path()).await?;
    if ratio > MOST || left > 0 {
        return Err("a number is over its bound".into());
    }
    Ok(())
}
