// The least that a prediction over HTTP costs: epoll, strtof and the trees as compiled code. It is no product:
// it believes its clients, knows no limits, no deadlines and no errors, and answers every request.
//
//   floor PORT PROCESSES
//
// FEATURES and `float margin(const float *)` come from the generated file, see benchmarks/serving/floor.py.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

float margin(const float *row);

enum { ROOM = 1 << 17, EVENTS = 256 };

struct client {
    int socket;
    size_t received;
    char bytes[ROOM];
};

// Every number of the body, whatever is around it; each FEATURES of them are a row.
static size_t predict(const char *p, const char *end, char *out) {
    float row[FEATURES];
    int filled = 0;
    char *at = out;
    while (p < end) {
        if (*p == '-' || (*p >= '0' && *p <= '9')) {
            char *after;
            row[filled++] = strtof(p, &after);
            p = after;
            if (filled == FEATURES) {
                at += sprintf(at, "%.9g\n", 1 / (1 + expf(-margin(row))));
                filled = 0;
            }
        } else {
            p++;
        }
    }
    return at - out;
}

static void answer(struct client *c) {
    static char out[ROOM], body[ROOM];
    char *end = memmem(c->bytes, c->received, "\r\n\r\n", 4);
    if (!end) return;
    size_t length = 0;
    for (char *line = c->bytes; line && line < end; line = memmem(line, end - line, "\r\n", 2)) {
        if (*line == '\r') line += 2;
        if (!strncasecmp(line, "content-length:", 15)) length = strtoul(line + 15, NULL, 10);
    }
    char *start = end + 4;
    if (c->bytes + c->received < start + length) return;
    size_t size = predict(start, start + length, body);
    int head = sprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: %zu\r\n\r\n", size);
    memcpy(out + head, body, size);
    if (send(c->socket, out, head + size, MSG_NOSIGNAL) < 0) perror("floor: send");
    c->received = 0;
}

int main(int count, char **argument) {
    if (count != 3) return 2;
    for (int i = 1; i < atoi(argument[2]); i++) {
        if (!fork()) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            break;
        }
    }
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poller = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argument[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
        perror("floor");
        return 1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct client *c = events[i].data.ptr;
            if (!c) {
                int accepted;
                while ((accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    c = malloc(sizeof *c);
                    c->socket = accepted;
                    c->received = 0;
                    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
                    epoll_ctl(poller, EPOLL_CTL_ADD, accepted, &e);
                }
                continue;
            }
            ssize_t n = recv(c->socket, c->bytes + c->received, ROOM - 1 - c->received, 0);
            if (n <= 0) {
                close(c->socket);
                free(c);
                continue;
            }
            c->received += n;
            c->bytes[c->received] = 0;
            answer(c);
        }
    }
}
