"""The servers that are measured: d2k, the peers from Debian, and the floor. Each is started here with
a configuration of its own, in a directory of its own, on a free port of 127.0.0.1, and ended here."""

import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PACKAGES = {"nginx": "nginx-light", "haproxy": "haproxy", "stunnel": "stunnel4", "hitch": "hitch",
            "mosquitto": "mosquitto", "nats": "nats-server", "redis": "redis-server"}
CONNECTIONS_MAX = 19000
START_LIMIT_S, STOP_LIMIT_S = 15, 5
CONFIG_SETTLE_S = 2.3  # a younger file is read again at each connect (src/tls/keeper.h)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processes_below(pid):
    """The process and all that it started."""
    pids = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            for child in (task / "children").read_text().split():
                pids += processes_below(int(child))
        except OSError:
            pass
    return pids


class Server:
    """One running server. `cpus`: "0" pins it to one processor, None leaves it free."""

    name, protocol, handshake_protocol = "?", "none", "none"

    def __init__(self, tools, identity, cpus="0"):
        self.tools, self.identity, self.cpus = tools, identity, cpus
        self.port = free_port()
        self._started = []

    def __enter__(self):
        self._temporary = tempfile.TemporaryDirectory(prefix=f"d2k-bench-{self.name}-")
        self.directory = Path(self._temporary.name)
        try:
            self.prepare()
            self.process = self.start(self.command())
            self._wait_listening()
        except BaseException:
            self.__exit__()
            raise
        self.pids = ",".join(map(str, processes_below(self.process.pid)))
        return self

    def __exit__(self, *_):
        for process in reversed(self._started):
            below = processes_below(process.pid)
            process.terminate()
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                for pid in below[1:]:
                    os.kill(pid, 9)
                process.kill()
                process.wait()
        self._temporary.cleanup()

    def prepare(self):
        """Writes the configuration."""

    def command(self):
        raise NotImplementedError

    def start(self, command):
        pin = ["taskset", "-c", self.cpus] if self.cpus is not None else []
        with open(self.directory / "output", "ab") as output:
            process = subprocess.Popen([*pin, *map(str, command)], cwd=self.directory,
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self._started.append(process)
        return process

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def _wait_listening(self):
        end = time.monotonic() + START_LIMIT_S
        listening = f"0100007F:{self.port:04X} 00000000:0000 0A"
        while listening not in Path("/proc/net/tcp").read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                output = (self.directory / "output").read_text(errors="replace")
                raise RuntimeError(f"{self.name} did not start:\n{output}")
            time.sleep(0.05)
        time.sleep(0.2)


class D2k(Server):
    name, protocol, handshake_protocol = "d2k", "d2k", "d2k-tls"
    application = "BENCH"

    def __enter__(self):
        super().__enter__()
        time.sleep(CONFIG_SETTLE_S)
        return self

    def prepare(self):
        workers = 1 if self.cpus is not None else 0
        self.write("installation.conf", f"DefaultApplication = {self.application}\n")
        self.write(
            f"cfg_{self.application}.conf",
            f"Max_Clients = {CONNECTIONS_MAX}\nHandshake_Workers = {workers}\n[TLS_Server]\n"
            f"TLS_CertFile = {self.identity.cert}\nTLS_KeyFile = {self.identity.key}\n"
            "TLS_RequiredLevel = TLSNoPeerAuth\nTLS_MinVersion = TLSv1.3\n"
            "TLS_Resumption = on\n")

    def command(self):
        here = self.directory
        return [self.tools.kernel, f"@{self.application}", "--address=127.0.0.1",
                f"--port={self.port}", f"--config-dir={here}", f"--log-dir={here / 'log'}",
                f"--state-dir={here / 'state'}", f"--run-dir={here / 'run'}"]


class Floor(Server):
    name, protocol = "floor", "mqtt"

    def command(self):
        return [self.tools.program("floor"), "--port", self.port, "--cert", self.identity.cert,
                "--key", self.identity.key]


class Nginx(Server):
    name, protocol = "nginx", "http"

    def prepare(self):
        here = self.directory
        paths = " ".join(f"{kind}_temp_path {here / kind};" for kind in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.write("nginx.conf", f"""
daemon off; master_process off; worker_processes 1; pid {here}/pid; error_log {here}/error crit;
events {{ worker_connections {CONNECTIONS_MAX}; }}
http {{ access_log off; keepalive_timeout 600; client_header_timeout 600; {paths}
  server {{ listen 127.0.0.1:{self.port} ssl backlog=4096; ssl_protocols TLSv1.3;
    ssl_certificate {self.identity.cert}; ssl_certificate_key {self.identity.key};
    ssl_session_cache shared:s:10m; location / {{ return 200 "ok"; }} }} }}
""")

    def command(self):
        here = self.directory
        return ["/usr/sbin/nginx", "-p", here, "-c", here / "nginx.conf", "-e", here / "error"]


class Haproxy(Server):
    name, protocol = "haproxy", "http"

    def prepare(self):
        threads = 1 if self.cpus is not None else os.cpu_count()
        self.write("haproxy.cfg", f"""
global
 nbthread {threads}
 no strict-limits
 maxconn {CONNECTIONS_MAX}
 ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
 mode http
 timeout client 600s
 timeout http-request 600s
 timeout connect 10s
 timeout server 600s
frontend f
 bind 127.0.0.1:{self.port} ssl crt {self.identity.both} backlog 4096
 http-request return status 200 content-type text/plain string ok
""")

    def command(self):
        return ["/usr/sbin/haproxy", "-db", "-f", self.directory / "haproxy.cfg"]


class Proxy(Server):
    """A TLS front; behind it the floor without TLS."""

    protocol = "mqtt"

    def prepare(self):
        self.back_port = free_port()
        self.start([self.tools.program("floor"), "--port", self.back_port])
        self.configure()

    def configure(self):
        raise NotImplementedError


class Stunnel(Proxy):
    name = "stunnel"

    def configure(self):
        self.write("stunnel.conf", f"""
foreground = yes
pid =
debug = 3
syslog = no
output = {self.directory}/log
[t]
accept = 127.0.0.1:{self.port}
connect = 127.0.0.1:{self.back_port}
cert = {self.identity.cert}
key = {self.identity.key}
sslVersion = TLSv1.3
""")

    def command(self):
        return ["/usr/bin/stunnel4", self.directory / "stunnel.conf"]


class Hitch(Proxy):
    name = "hitch"

    def configure(self):
        user = 'user = "nobody"\ngroup = "nogroup"' if os.geteuid() == 0 else ""
        self.write("hitch.conf", f"""
frontend = "[127.0.0.1]:{self.port}"
backend = "[127.0.0.1]:{self.back_port}"
pem-file = "{self.identity.both}"
workers = 1
backlog = 4096
tls-protos = TLSv1.3
daemon = off
syslog = off
log-level = 0
quiet = on
{user}
""")

    def command(self):
        return ["/usr/sbin/hitch", f"--config={self.directory / 'hitch.conf'}"]


class Mosquitto(Server):
    name, protocol = "mosquitto", "mqtt"

    def prepare(self):
        user = "user root\n" if os.geteuid() == 0 else ""
        self.write("mosquitto.conf", f"""
listener {self.port} 127.0.0.1
allow_anonymous true
persistence false
log_type none
max_queued_messages 0
set_tcp_nodelay true
certfile {self.identity.cert}
keyfile {self.identity.key}
tls_version tlsv1.3
{user}""")

    def command(self):
        return ["/usr/sbin/mosquitto", "-c", self.directory / "mosquitto.conf"]


class Nats(Server):
    name, protocol, handshake_protocol = "nats", "nats", "nats-tls"

    def prepare(self):
        self.write("nats.conf", f"""
listen: "127.0.0.1:{self.port}"
max_connections: {CONNECTIONS_MAX}
max_pending: 268435456
write_deadline: "60s"
tls {{ cert_file: "{self.identity.cert}", key_file: "{self.identity.key}", timeout: 120 }}
authorization {{ timeout: 120 }}
""")

    def command(self):
        return ["/usr/sbin/nats-server", "-c", self.directory / "nats.conf"]


class Redis(Server):
    name, protocol = "redis", "redis"

    def prepare(self):
        self.write("redis.conf", f"""
bind 127.0.0.1
save ""
appendonly no
maxclients {CONNECTIONS_MAX}
tcp-backlog 4096
loglevel warning
dir {self.directory}
daemonize no
client-output-buffer-limit pubsub 0 0 0
port 0
tls-port {self.port}
tls-cert-file {self.identity.cert}
tls-key-file {self.identity.key}
tls-auth-clients no
tls-protocols TLSv1.3
""")

    def command(self):
        return ["/usr/bin/redis-server", self.directory / "redis.conf"]


SERVERS = {kind.name: kind for kind in
           (D2k, Floor, Nginx, Haproxy, Stunnel, Hitch, Mosquitto, Nats, Redis)}
