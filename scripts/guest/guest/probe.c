/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A ping that checks what comes back: probe ADDRESS COUNT PAYLOAD EVERY_MS LINGER_MS
 *
 * Unlike ping it compares every byte of the payload, never lets a frame be fragmented, and after
 * the last request waits LINGER_MS for answers that are late. The one line of result is
 *
 *   5 sent, 5 received, 0 duplicates, 0 corrupt, rtt 0.412/0.597/1.020 ms, silence 103 ms
 *
 * where silence is the longest time without an answer, from the first request to the last answer.
 * Exit status 0 when it could send, whatever came back.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 60000
#define PAYLOAD_MAX 65000
#define HEADERS_MAX 128

struct probe {
	int fd;
	uint16_t id;
	unsigned int count;
	size_t payload;
	uint64_t every_ns, linger_ns;
	/* results */
	unsigned int sent, received, duplicates, corrupt;
	uint64_t rtt_min_ns, rtt_max_ns, rtt_sum_ns;
	uint64_t last_answer_ns, silence_ns;
	uint64_t sent_ns[COUNT_MAX];
	bool answered[COUNT_MAX];
};

static struct probe probe;

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int
fail(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	return 1;
}

/* Every byte depends on the request and on its place in it. */
static void
fill(unsigned char *payload, size_t len, unsigned int seq)
{
	for (size_t i = 0; i < len; i++)
		payload[i] = (unsigned char)(seq * 31 + i * 7 + (i >> 8) * 13 + 1);
}

static uint16_t
checksum(const unsigned char *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	if (len % 2 != 0)
		sum += (uint32_t)data[len - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static int
send_request(unsigned int seq)
{
	static unsigned char packet[sizeof(struct icmphdr) + PAYLOAD_MAX];
	struct icmphdr header = {.type = ICMP_ECHO};
	size_t len = sizeof(header) + probe.payload;

	header.un.echo.id = htons(probe.id);
	header.un.echo.sequence = htons((uint16_t)seq);
	memcpy(packet, &header, sizeof(header));
	fill(packet + sizeof(header), probe.payload, seq);
	header.checksum = htons(checksum(packet, len));
	memcpy(packet, &header, sizeof(header));
	probe.sent_ns[seq] = now_ns();
	if (send(probe.fd, packet, len, 0) < 0 && (errno == EMSGSIZE || errno == EPERM))
		return fail("send");
	probe.sent++;
	return 0;
}

static void
count_answer(unsigned int seq, uint64_t now)
{
	uint64_t rtt = now - probe.sent_ns[seq];

	probe.answered[seq] = true;
	probe.received++;
	probe.rtt_sum_ns += rtt;
	if (rtt < probe.rtt_min_ns || probe.received == 1)
		probe.rtt_min_ns = rtt;
	if (rtt > probe.rtt_max_ns)
		probe.rtt_max_ns = rtt;
	if (now - probe.last_answer_ns > probe.silence_ns)
		probe.silence_ns = now - probe.last_answer_ns;
	probe.last_answer_ns = now;
}

/* Take one packet from the socket, which gets all ICMP of this host. */
static void
receive_answer(void)
{
	static unsigned char packet[HEADERS_MAX + PAYLOAD_MAX], expected[PAYLOAD_MAX];
	ssize_t got = recv(probe.fd, packet, sizeof(packet), MSG_DONTWAIT);
	struct icmphdr header;
	size_t ip_len = (size_t)(packet[0] & 0xf) * 4, len;
	unsigned int seq;

	if (got < (ssize_t)(ip_len + sizeof(header)))
		return;
	memcpy(&header, packet + ip_len, sizeof(header));
	seq = ntohs(header.un.echo.sequence);
	if (header.type != ICMP_ECHOREPLY || ntohs(header.un.echo.id) != probe.id ||
		seq >= probe.sent)
		return;
	len = (size_t)got - ip_len - sizeof(header);
	fill(expected, probe.payload, seq);
	if (len != probe.payload || memcmp(packet + ip_len + sizeof(header), expected, len) != 0)
		probe.corrupt++;
	else if (probe.answered[seq])
		probe.duplicates++;
	else
		count_answer(seq, now_ns());
}

static int
run(void)
{
	uint64_t start = now_ns(), next = start;

	probe.last_answer_ns = start;
	for (;;) {
		uint64_t now = now_ns();
		uint64_t until = probe.sent < probe.count ? next : next + probe.linger_ns;
		struct pollfd in = {.fd = probe.fd, .events = POLLIN};

		if (now >= until && probe.sent == probe.count)
			return 0;
		if (now >= until) {
			if (send_request(probe.sent) != 0)
				return 1;
			/* After a stall the rhythm starts anew instead of catching up. */
			next = now + probe.every_ns;
			continue;
		}
		if (poll(&in, 1, (int)((until - now) / 1000000 + 1)) > 0)
			receive_answer();
		if (probe.received == probe.count)
			return 0;
	}
}

static int
open_socket(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	const int never_fragment = IP_PMTUDISC_DO, room = 4 << 20;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		errno = EINVAL;
		return fail(address);
	}
	probe.fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (probe.fd < 0 ||
		setsockopt(probe.fd, IPPROTO_IP, IP_MTU_DISCOVER, &never_fragment,
			sizeof(never_fragment)) < 0 ||
		setsockopt(probe.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
		connect(probe.fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return fail("socket");
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: probe ADDRESS COUNT PAYLOAD EVERY_MS LINGER_MS\n");
		return 2;
	}
	probe.id = (uint16_t)getpid();
	probe.count = (unsigned int)strtoul(argv[2], NULL, 10);
	probe.payload = strtoul(argv[3], NULL, 10);
	probe.every_ns = strtoul(argv[4], NULL, 10) * 1000000;
	probe.linger_ns = strtoul(argv[5], NULL, 10) * 1000000;
	if (probe.count == 0 || probe.count > COUNT_MAX || probe.payload > PAYLOAD_MAX) {
		fprintf(stderr, "probe: expected a count of 1 to %d and a payload of 0 to %d\n",
			COUNT_MAX, PAYLOAD_MAX);
		return 2;
	}
	if (open_socket(argv[1]) != 0 || run() != 0)
		return 1;
	printf("%u sent, %u received, %u duplicates, %u corrupt, rtt %.3f/%.3f/%.3f ms, silence %.0f ms\n",
		probe.sent, probe.received, probe.duplicates, probe.corrupt,
		(double)probe.rtt_min_ns / 1e6,
		probe.received > 0 ? (double)probe.rtt_sum_ns / 1e6 / probe.received : 0,
		(double)probe.rtt_max_ns / 1e6, (double)probe.silence_ns / 1e6);
	return 0;
}
