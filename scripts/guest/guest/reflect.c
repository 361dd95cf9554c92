/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Send back what comes: reflect DEVICE ETHERTYPE
 *
 * Every frame of the type (four hexadecimal digits) that is sent to the device's own address goes back
 * to its sender, unchanged but for the addresses, until SIGTERM. Then the one line of result is
 *
 *   4000 received, 4000 sent, 0 missed
 *
 * where missed frames found no room in the socket.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define FRAME_MAX 65536
#define ADDRESS_LEN 6

static volatile sig_atomic_t is_over;

static void
end(int number)
{
	(void)number;
	is_over = 1;
}

static int
fail(const char *what)
{
	fprintf(stderr, "reflect: %s: %s\n", what, strerror(errno));
	return 1;
}

static int
open_socket(const char *device, uint16_t type)
{
	struct sockaddr_ll from = {.sll_family = AF_PACKET, .sll_protocol = htons(type)};
	const struct timeval look_up = {.tv_usec = 100000};
	const int room = 16 << 20;
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	from.sll_ifindex = (int)if_nametoindex(device);
	if (from.sll_ifindex == 0 || fd < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look_up, sizeof(look_up)) < 0 ||
		bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0)
		return -1;
	return fd;
}

/* @return how many were sent: 0 or 1 */
static unsigned long
send_back(int fd, unsigned char *frame, size_t len)
{
	unsigned char to[ADDRESS_LEN];

	memcpy(to, frame + ADDRESS_LEN, ADDRESS_LEN);
	memcpy(frame + ADDRESS_LEN, frame, ADDRESS_LEN);
	memcpy(frame, to, ADDRESS_LEN);
	return send(fd, frame, len, 0) == (ssize_t)len;
}

int
main(int argc, char **argv)
{
	static unsigned char frame[FRAME_MAX];
	const struct sigaction on_end = {.sa_handler = end};
	struct tpacket_stats stats = {0};
	socklen_t stats_size = sizeof(stats);
	unsigned long received = 0, sent = 0;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: reflect DEVICE ETHERTYPE\n");
		return 2;
	}
	sigaction(SIGTERM, &on_end, NULL);
	fd = open_socket(argv[1], (uint16_t)strtoul(argv[2], NULL, 16));
	if (fd < 0)
		return fail(argv[1]);
	while (!is_over) {
		struct sockaddr_ll from;
		socklen_t from_size = sizeof(from);
		ssize_t got = recvfrom(
			fd, frame, sizeof(frame), 0, (struct sockaddr *)&from, &from_size);

		if (got < 2 * ADDRESS_LEN || from.sll_pkttype != PACKET_HOST)
			continue;
		received++;
		sent += send_back(fd, frame, (size_t)got);
	}
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &stats_size) < 0)
		return fail("statistics");
	printf("%lu received, %lu sent, %u missed\n", received, sent, stats.tp_drops);
	return 0;
}
