// Load for one HTTP/1.1 server on 127.0.0.1, every answer compared with the one that is expected.
//
//   load PORT WORK CONNECTIONS RATE SECONDS WARMUP RETRIES LIFETIME
//
// WORK is written by benchmarks/serving/load.py: a count, then for each request its length, the number of
// values in the right answer, the request as it goes over the wire, and the values as doubles.
// RATE 0 is a closed loop: each connection asks again as soon as it has its answer. Any other rate is an open
// loop: request k is due at start + k / RATE, whatever the server does, and its latency counts from then on, so
// that a server which stalls cannot hide it (no coordinated omission). A request whose connection breaks before
// its answer is sent again up to RETRIES times, still counted from when it was due. A connection is closed and
// opened again after LIFETIME requests, 0 for never. One line of JSON at the end.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST_ANSWER = 1 << 17, EVENTS = 512, OCTAVES = 40, STEPS = 64 };
// Answers that are still on their way at the end are waited for this long.
static const double PATIENCE = 5.0, RECONNECT_PAUSE = 0.01, TOLERANCE = 1e-6;

struct request {
    uint32_t length, values;
    char *bytes;
    double *expected;
};

enum state { CLOSED, CONNECTING, IDLE, ASKING };

struct connection {
    int socket;
    enum state state;
    int busy, attempts, asked;  // busy: holds a request, perhaps across a reconnect
    const struct request *request;
    double due, again;  // again: no connect before this moment
    size_t sent, received;
    char *answer;
};

static struct request *requests;
static uint32_t request_count;
static struct connection *connections;
static int connection_count, poller, most_retries, lifetime;
static struct sockaddr_in server;
static long answered, ok, busy_answers, client_errors, server_errors, wrong, broken, retries;
static long histogram[OCTAVES * STEPS];
static double slowest, measured_from, measured_until;
static long measured, finished_in_time;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *must(void *memory) {
    if (!memory) {
        fputs("load: out of memory, or the work file is damaged\n", stderr);
        exit(2);
    }
    return memory;
}

static void read_exactly(FILE *file, void *into, size_t size) {
    if (size && fread(into, 1, size, file) != size) must(NULL);
}

static void read_work(const char *path) {
    FILE *file = must(fopen(path, "rb"));
    read_exactly(file, &request_count, sizeof request_count);
    if (!request_count) must(NULL);
    requests = must(calloc(request_count, sizeof *requests));
    for (uint32_t i = 0; i < request_count; i++) {
        struct request *r = &requests[i];
        read_exactly(file, &r->length, sizeof r->length);
        read_exactly(file, &r->values, sizeof r->values);
        r->bytes = must(malloc(r->length));
        r->expected = must(malloc(r->values * sizeof(double) + 1));
        read_exactly(file, r->bytes, r->length);
        read_exactly(file, r->expected, r->values * sizeof(double));
    }
    fclose(file);
}

// Microseconds fall into 64 equal steps of each power of two: a percentile is exact to 1.6 %.
static void record(double seconds) {
    double us = seconds * 1e6;
    int octave = 0;
    if (us < 1) us = 1;
    double mantissa = frexp(us, &octave);
    int at = (octave - 1) * STEPS + (int)((mantissa * 2 - 1) * STEPS);
    if (at >= OCTAVES * STEPS) at = OCTAVES * STEPS - 1;
    histogram[at]++;
    measured++;
    if (seconds > slowest) slowest = seconds;
}

static double percentile_ms(double share) {
    long rank = (long)ceil(share * measured), seen = 0;
    for (int i = 0; i < OCTAVES * STEPS; i++) {
        seen += histogram[i];
        if (measured && seen >= rank) return ldexp(1.0 + (i % STEPS + 0.5) / STEPS, i / STEPS) / 1e3;
    }
    return -1;
}

static void watch(struct connection *c, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->socket, &e);
}

static void open_connection(struct connection *c) {
    int one = 1;
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->socket < 0) {
        perror("load: socket");
        exit(2);
    }
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->state = CONNECTING;
    c->sent = c->received = 0;
    if (c->asked >= lifetime) c->asked = 0;
    connect(c->socket, (struct sockaddr *)&server, sizeof server);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->socket, &e);
}

static void close_connection(struct connection *c) {
    if (c->state != CLOSED) close(c->socket);
    c->state = CLOSED;
    c->again = 0;
}

// The connection broke before its answer was complete.
static void fail(struct connection *c) {
    close_connection(c);
    c->again = now() + RECONNECT_PAUSE;
    if (!c->busy) return;
    if (c->attempts++ < most_retries) {
        retries++;
    } else {
        broken++;
        c->busy = 0;
    }
}

static void push(struct connection *c) {
    while (c->sent < c->request->length) {
        ssize_t n = send(c->socket, c->request->bytes + c->sent, c->request->length - c->sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) watch(c, EPOLLIN | EPOLLOUT);
            else fail(c);
            return;
        }
        c->sent += n;
    }
}

static void ask(struct connection *c) {
    c->state = ASKING;
    c->sent = c->received = 0;
    push(c);
}

static void take(struct connection *c, const struct request *r, double due) {
    c->busy = 1;
    c->attempts = 0;
    c->request = r;
    c->due = due;
    if (c->state == IDLE) ask(c);
}

// Whether the numbers of the body that are outside of quotes are the expected ones.
static int right(const struct request *r, const char *body, const char *end) {
    uint32_t seen = 0;
    for (const char *p = body; p < end;) {
        if (*p == '"') {
            p = memchr(p + 1, '"', end - p - 1);
            if (!p) return 0;
            p++;
        } else if (*p == '-' || *p == 'n' || *p == 'i' || (*p >= '0' && *p <= '9')) {
            char *after;
            double value = strtod(p, &after);
            if (after == p || seen >= r->values) return 0;
            double expected = r->expected[seen++];
            if (!(fabs(value - expected) <= TOLERANCE * (1 + fabs(expected)))) return 0;
            p = after;
        } else {
            p++;
        }
    }
    return seen == r->values;
}

static const char *header(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, length)) return line + 2 + length + strspn(line + 2 + length, " ");
    return NULL;
}

static void complete(struct connection *c, const char *body, size_t length, int last) {
    int status = atoi(c->answer + 9);
    double moment = now();
    answered++;
    if (status / 100 == 2) {
        ok++;
        if (!right(c->request, body, body + length)) wrong++;
    } else if (status == 503 || status == 429) {
        busy_answers++;
    } else if (status / 100 == 4) {
        client_errors++;
    } else {
        server_errors++;
    }
    if (c->due >= measured_from && c->due < measured_until) record(moment - c->due);
    if (moment >= measured_from && moment < measured_until) finished_in_time++;
    c->busy = 0;
    if (last || (lifetime && ++c->asked >= lifetime)) close_connection(c);
    else c->state = IDLE;
}

// Read what is there; an answer must have a Content-Length.
static void pull(struct connection *c) {
    while (c->state == ASKING || c->state == IDLE) {
        ssize_t n = recv(c->socket, c->answer + c->received, LARGEST_ANSWER - 1 - c->received, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0 || c->state == IDLE) {
            fail(c);
            return;
        }
        c->received += n;
        c->answer[c->received] = 0;
        char *end = memmem(c->answer, c->received, "\r\n\r\n", 4);
        if (!end) {
            if (c->received >= LARGEST_ANSWER - 1) fail(c);
            continue;
        }
        end[2] = 0;
        const char *length = header(c->answer, "content-length:");
        const char *connection = header(c->answer, "connection:");
        int last = connection && !strncasecmp(connection, "close", 5);
        end[2] = '\r';
        char *body = end + 4;
        if (!length) {
            fputs("load: an answer has no Content-Length\n", stderr);
            exit(2);
        }
        size_t size = strtoul(length, NULL, 10), have = c->answer + c->received - body;
        if (size > LARGEST_ANSWER - 1 - (size_t)(body - c->answer)) {
            fputs("load: an answer is too large\n", stderr);
            exit(2);
        }
        if (have < size) continue;
        body[size] = 0;
        complete(c, body, size, last);
        return;
    }
}

static void happened(struct connection *c, uint32_t events) {
    if (c->state == CLOSED) return;
    if (c->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->socket, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error || events & (EPOLLHUP | EPOLLERR)) {
            fail(c);
            return;
        }
        if (!(events & EPOLLOUT)) return;
        watch(c, EPOLLIN);
        c->state = IDLE;
        if (c->busy) ask(c);
        return;
    }
    if (events & EPOLLOUT) {
        watch(c, EPOLLIN);
        push(c);
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(c);
}

static void turn(double seconds) {
    struct epoll_event events[EVENTS];
    if (seconds < 0) seconds = 0;
    struct timespec wait = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    int count = epoll_pwait2(poller, events, EVENTS, &wait, NULL);
    for (int i = 0; i < count; i++) happened(events[i].data.ptr, events[i].events);
}

static int reconnect(double moment) {
    int closed = 0;
    for (int i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        if (c->state == CLOSED && moment >= c->again) open_connection(c);
        if (c->state == CLOSED) closed = 1;
    }
    return closed;
}

int main(int count, char **argument) {
    if (count != 9) {
        fputs("usage: load PORT WORK CONNECTIONS RATE SECONDS WARMUP RETRIES LIFETIME\n", stderr);
        return 2;
    }
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argument[1]))};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    read_work(argument[2]);
    connection_count = atoi(argument[3]);
    double rate = atof(argument[4]), seconds = atof(argument[5]), warmup = atof(argument[6]);
    most_retries = atoi(argument[7]);
    lifetime = atoi(argument[8]);
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(EPOLL_CLOEXEC);
    connections = must(calloc(connection_count, sizeof *connections));
    for (int i = 0; i < connection_count; i++) {
        connections[i].answer = must(malloc(LARGEST_ANSWER));
        // Not all of them end at once.
        connections[i].asked = lifetime * i / connection_count;
        open_connection(&connections[i]);
    }
    double connected = now() + 0.2;
    while (now() < connected) turn(0.02);

    double start = now(), end = start + seconds;
    measured_from = start + warmup;
    measured_until = end;
    long taken = 0;
    int from = 0;
    for (;;) {
        double moment = now();
        int closed = reconnect(moment), waiting = 0;
        double next = rate > 0 ? start + taken / rate : moment;
        for (int tried = 0; tried < connection_count && next < end && next <= moment; tried++) {
            struct connection *c = &connections[from++ % connection_count];
            if (c->busy) continue;
            take(c, &requests[taken++ % request_count], rate > 0 ? next : now());
            next = rate > 0 ? start + taken / rate : moment;
        }
        for (int i = 0; i < connection_count && !waiting; i++) waiting = connections[i].busy;
        if (next >= end && rate > 0 ? !waiting : moment >= end && !waiting) break;
        if (moment > end + PATIENCE) break;
        if (rate <= 0 && moment >= end) next = end + PATIENCE;
        double pause = rate > 0 && next > moment && next < end ? next - moment : 0.05;
        turn(closed && pause > RECONNECT_PAUSE ? RECONNECT_PAUSE : pause);
    }
    long unanswered = 0;
    for (int i = 0; i < connection_count; i++) unanswered += connections[i].busy;
    // What was due and found no free connection until the end was not answered either.
    if (rate > 0) unanswered += lround(seconds * rate) > taken ? lround(seconds * rate) - taken : 0;
    double window = seconds - warmup;
    printf("{\"answered\":%ld,\"ok\":%ld,\"busy\":%ld,\"client_errors\":%ld,\"server_errors\":%ld,\"wrong\":%ld,"
           "\"broken\":%ld,\"retries\":%ld,\"unanswered\":%ld,\"rps\":%.1f,\"p50_ms\":%.4f,\"p99_ms\":%.4f,"
           "\"p999_ms\":%.4f,\"slowest_ms\":%.4f}\n",
           answered, ok, busy_answers, client_errors, server_errors, wrong, broken, retries, unanswered,
           window > 0 ? finished_in_time / window : 0, percentile_ms(0.5), percentile_ms(0.99),
           percentile_ms(0.999), slowest * 1e3);
    return 0;
}
