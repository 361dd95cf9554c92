/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A checked stream over TCP between two guests, cheap enough for emulated CPUs.
 *
 *   transfer send ADDRESS PORT MIB RATE   connect, send, print the checksum; RATE in MiB/s, 0: all it can
 *   transfer receive PORT MIB             listen, receive, compare, print the checksum
 *
 * The stream is a pseudo-random sequence: the receiver knows every byte of it and names the place of
 * the first wrong one. Exit status 0 when all bytes passed and the peer has confirmed them.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_WORDS 32768
#define CHUNK_BYTES (CHUNK_WORDS * sizeof(uint64_t))
#define CHUNKS_PER_MIB ((1 << 20) / CHUNK_BYTES)
#define CONNECT_LIMIT_S 20

struct stream {
	uint64_t state;
	uint64_t sum;
	uint64_t words[CHUNK_WORDS];
};

static struct stream stream = {.state = 0x9e3779b97f4a7c15};

static int
fail(const char *what)
{
	fprintf(stderr, "transfer: %s: %s\n", what, strerror(errno));
	return 1;
}

/* The next chunk of the sequence (xorshift64), added to the checksum. */
static void
stream_next(void)
{
	uint64_t x = stream.state, sum = stream.sum;

	for (size_t i = 0; i < CHUNK_WORDS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		stream.words[i] = x;
		sum = (sum ^ x) * 0x100000001b3;
	}
	stream.state = x;
	stream.sum = sum;
}

static int
write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Returns how much came before the peer closed; less than len only then. */
static ssize_t
read_all(int fd, void *data, size_t len)
{
	char *p = data;
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, p + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int
connect_retrying(const struct sockaddr_in *to)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};

	for (int tries = 0; tries < CONNECT_LIMIT_S * 20; tries++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0), error;

		if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
			return fd;
		error = errno;
		close(fd);
		errno = error;
		if (error != ECONNREFUSED)
			return -1;
		nanosleep(&pause, NULL);
	}
	return -1;
}

static int
run_send(const char *address, uint16_t port, unsigned int chunks, unsigned int bytes_per_s)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	uint64_t confirmed = 0;
	int fd;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		errno = EINVAL;
		return fail(address);
	}
	fd = connect_retrying(&to);
	if (fd < 0)
		return fail("connect");
	if (bytes_per_s > 0 &&
		setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &bytes_per_s, sizeof(bytes_per_s)) <
			0)
		return fail("pace");
	for (unsigned int i = 0; i < chunks; i++) {
		stream_next();
		if (write_all(fd, stream.words, CHUNK_BYTES) < 0)
			return fail("send");
	}
	if (shutdown(fd, SHUT_WR) < 0 ||
		read_all(fd, &confirmed, sizeof(confirmed)) != sizeof(confirmed))
		return fail("the receiver's confirmation");
	if (confirmed != stream.sum) {
		fprintf(stderr, "transfer: the receiver has another checksum\n");
		return 1;
	}
	printf("%016llx\n", (unsigned long long)stream.sum);
	return 0;
}

/* The byte offset in the chunk of the first difference. */
static size_t
first_difference(const void *a, const void *b, size_t len)
{
	const unsigned char *p = a, *q = b;
	size_t i = 0;

	while (i < len && p[i] == q[i])
		i++;
	return i;
}

static int
receive_stream(int fd, unsigned int chunks)
{
	static char data[CHUNK_BYTES];
	char extra;

	for (unsigned int i = 0; i < chunks; i++) {
		unsigned long long start = (unsigned long long)i * CHUNK_BYTES;
		ssize_t got = read_all(fd, data, sizeof(data));

		if (got < 0)
			return fail("receive");
		stream_next();
		if (memcmp(data, stream.words, (size_t)got) != 0) {
			fprintf(stderr, "transfer: byte %llu is wrong\n",
				start + first_difference(data, stream.words, (size_t)got));
			return 1;
		}
		if ((size_t)got < sizeof(data)) {
			fprintf(stderr, "transfer: ended after %llu bytes\n",
				start + (unsigned long long)got);
			return 1;
		}
	}
	if (read_all(fd, &extra, 1) != 0) {
		fprintf(stderr, "transfer: more bytes than were sent\n");
		return 1;
	}
	return 0;
}

static int
run_receive(uint16_t port, unsigned int chunks)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int yes = 1;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
		bind(listener, (const struct sockaddr *)&here, sizeof(here)) < 0 ||
		listen(listener, 1) < 0)
		return fail("listen");
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return fail("accept");
	if (receive_stream(fd, chunks) != 0)
		return 1;
	if (write_all(fd, &stream.sum, sizeof(stream.sum)) < 0)
		return fail("confirm");
	printf("%016llx\n", (unsigned long long)stream.sum);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "send") == 0)
		return run_send(argv[2], (uint16_t)atoi(argv[3]),
			(unsigned int)atoi(argv[4]) * CHUNKS_PER_MIB,
			(unsigned int)atoi(argv[5]) << 20);
	if (argc == 4 && strcmp(argv[1], "receive") == 0)
		return run_receive(
			(uint16_t)atoi(argv[2]), (unsigned int)atoi(argv[3]) * CHUNKS_PER_MIB);
	fprintf(stderr, "usage: transfer send ADDRESS PORT MIB RATE | transfer receive PORT MIB\n");
	return 2;
}
