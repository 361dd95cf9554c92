/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bf-peer: both ends around the daemon, for tests.
 *
 *   bf-peer [EAL options] --vdev net_virtio_user0,path=...,server=1 ... -- [--mtu N] [--buf N]
 *
 * It opens every virtio-user port the EAL made, reads one command per line on stdin and answers
 * each with one line of JSON on stdout (see commands[] in command.c).  It ends at "quit" or at the
 * end of its input.  A watchdog ends it when a driver call does not come back.
 *
 * Threads: one, besides those of the EAL.
 */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "command.h"
#include "port.h"

#define LINE_SIZE 65536
#define WATCHDOG_S 30

static uint64_t next_alarm_tsc;

unsigned int
command_idle(void)
{
	uint64_t now = rte_rdtsc();

	if (now >= next_alarm_tsc) {
		alarm(WATCHDOG_S);
		next_alarm_tsc = now + rte_get_tsc_hz();
	}
	return ports_turn();
}

/* Take what stdin has and run each whole line; false at the end. */
static bool
read_commands(int timeout_ms)
{
	static char line[LINE_SIZE];
	static size_t len;
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
	char *newline;
	ssize_t n;

	if (poll(&fd, 1, timeout_ms) <= 0)
		return true;
	n = read(STDIN_FILENO, line + len, sizeof(line) - 1 - len);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	len += (size_t)n;
	line[len] = '\0';
	while ((newline = strchr(line, '\n')) != NULL) {
		size_t used = (size_t)(newline + 1 - line);

		*newline = '\0';
		if (!command_run(line))
			return false;
		len -= used;
		memmove(line, line + used, len + 1);
	}
	return len < sizeof(line) - 1;
}

static int
parse_options(int argc, char **argv, struct port_options *options)
{
	static const struct option longs[] = {
		{"mtu", required_argument, NULL, 'm'},
		{"buf", required_argument, NULL, 'b'},
		{"bufs", required_argument, NULL, 'n'},
		{"desc", required_argument, NULL, 'd'},
		{"queues", required_argument, NULL, 'q'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		unsigned long value = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;

		if (c == '?' || value == 0 || value > UINT16_MAX) {
			fputs("bf-peer: --mtu, --buf, --bufs, --desc, --queues: expected 1 to "
			      "65535\n",
				stderr);
			return -EINVAL;
		}
		if (c == 'm')
			options->mtu = (uint16_t)value;
		else if (c == 'b')
			options->buf_size = (uint16_t)value;
		else if (c == 'n')
			options->n_bufs = (uint32_t)value;
		else if (c == 'q')
			options->max_queues = (uint16_t)value;
		else
			options->n_desc = (uint16_t)value;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct port_options options = {
		.mtu = 1500,
		.buf_size = 10240,
		.n_bufs = 8192,
		.max_queues = UINT16_MAX,
		.n_desc = 256,
	};
	int ret;

	/* Probing a server=1 port waits for its client. */
	alarm(WATCHDOG_S);
	ret = rte_eal_init(argc, argv);
	if (ret < 0) {
		fputs("bf-peer: EAL does not start\n", stderr);
		return EXIT_FAILURE;
	}
	if (parse_options(argc - ret, argv + ret, &options) != 0)
		return 2;
	ret = ports_open(&options);
	if (ret == 0) {
		puts("{\"ok\":true,\"ready\":true}");
		fflush(stdout);
		while (read_commands(command_idle() == 0 ? 1 : 0))
			;
	}
	alarm(WATCHDOG_S);
	ports_stop();
	fflush(NULL);
	/*
	 * No close and no EAL cleanup: closing a server=1 port whose client has gone panics in the
	 * interrupt thread of DPDK 22.11.
	 */
	_exit(ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
