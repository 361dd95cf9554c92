/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bf-gen: traffic around a forwarder, for scripts/bench.
 *
 *   bf-gen [EAL options] --vdev net_virtio_user0,path=...,server=1 ... -- --wires N
 *          [--buf BYTES] [--bufs N] [--desc N]
 *
 * The first N ports are the far ends of the forwarder's wires, the others are guests.  It reads
 * commands on stdin and answers each with a line of JSON (see command.h); "quit" or the end of the
 * input ends it.  One CPU plays everybody.
 *
 * Threads: one, besides those of the EAL.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>

#include "command.h"
#include "port.h"

#define LINE_SIZE 4096

/* Bounds of the options; their values land in options_read(). */
static const struct {
	struct option option;
	unsigned long min;
	unsigned long max;
} knobs[] = {
	{{"wires", required_argument, NULL, 'w'}, 1, PORTS_MAX - 1},
	{{"buf", required_argument, NULL, 'b'}, 2048, 16384},
	{{"bufs", required_argument, NULL, 'n'}, 1024, 1ul << 22},
	{{"desc", required_argument, NULL, 'd'}, 64, 32768},
};

static void
option_set(struct port_options *options, int key, unsigned long value)
{
	if (key == 'w')
		options->n_wires = (uint16_t)value;
	else if (key == 'b')
		options->buf_size = (uint16_t)value;
	else if (key == 'n')
		options->n_bufs = (uint32_t)value;
	else
		options->n_desc = (uint16_t)value;
}

static bool
options_read(int argc, char **argv, struct port_options *options)
{
	struct option longs[RTE_DIM(knobs) + 1] = {0};
	unsigned int i;
	int c;

	for (i = 0; i < RTE_DIM(knobs); i++)
		longs[i] = knobs[i].option;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		unsigned long value = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;

		for (i = 0; i < RTE_DIM(knobs) && knobs[i].option.val != c; i++)
			;
		if (i == RTE_DIM(knobs))
			return false;
		if (value < knobs[i].min || value > knobs[i].max) {
			fprintf(stderr, "bf-gen: --%s: \"%s\": expected %lu to %lu\n",
				knobs[i].option.name, optarg, knobs[i].min, knobs[i].max);
			return false;
		}
		option_set(options, c, value);
	}
	return optind == argc;
}

static void
serve(void)
{
	static char line[LINE_SIZE];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (!command_run(line))
			return;
	}
}

int
main(int argc, char **argv)
{
	struct port_options options = {
		.n_wires = 1,
		.n_desc = 1024,
		.buf_size = 2048,
		.n_bufs = 16384,
	};
	int ret;

	/* With server=1 this waits for the forwarder, port after port. */
	ret = rte_eal_init(argc, argv);
	if (ret < 0) {
		fputs("bf-gen: EAL does not start\n", stderr);
		return EXIT_FAILURE;
	}
	if (!options_read(argc - ret, argv + ret, &options))
		return 2;
	ret = ports_open(&options);
	if (ret == 0) {
		puts("{\"ok\":true,\"ready\":true}");
		fflush(stdout);
		serve();
		ports_stop();
	}
	/* No close: closing a server=1 port whose client has gone panics in DPDK 22.11. */
	fflush(NULL);
	_exit(ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
