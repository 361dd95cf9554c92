/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Send one frame as it is: raw DEVICE HEX COUNT. For frames no honest guest would send.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define FRAME_MAX (9216 + 14)

static int
fail(const char *what)
{
	fprintf(stderr, "raw: %s: %s\n", what, strerror(errno));
	return 1;
}

/* Returns the number of bytes, 0 when it is no frame in hexadecimal. */
static size_t
parse_hex(const char *hex, unsigned char *frame)
{
	size_t len = strlen(hex) / 2;

	if (len < 14 || len > FRAME_MAX || hex[strspn(hex, "0123456789abcdef")] != '\0')
		return 0;
	for (size_t i = 0; i < len; i++) {
		const char byte[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		frame[i] = (unsigned char)strtoul(byte, NULL, 16);
	}
	return len;
}

int
main(int argc, char **argv)
{
	static unsigned char frame[FRAME_MAX];
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	size_t len;
	int fd;

	if (argc != 4 || (len = parse_hex(argv[2], frame)) == 0) {
		fprintf(stderr, "usage: raw DEVICE HEX COUNT\n");
		return 2;
	}
	to.sll_ifindex = (int)if_nametoindex(argv[1]);
	if (to.sll_ifindex == 0)
		return fail(argv[1]);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0)
		return fail("socket");
	for (int i = atoi(argv[3]); i > 0; i--)
		if (sendto(fd, frame, len, 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
			return fail("send");
	return 0;
}
