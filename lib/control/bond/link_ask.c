/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What concerns a driver's link is done in the interrupt thread; ethdev's stored answer is read at once.
 *
 * Threads: ctx control; link_look and link_turn ctx intr.
 */
#include "control/bond/link_ask.h"

#include "control/loop/intr.h"

struct link_question {
	uint16_t port;
	bool up;
	struct rte_eth_link link;
	int ret;
};

static void
link_look(void *arg)
{
	struct link_question *q = arg;

	q->ret = rte_eth_link_get_nowait(q->port, &q->link);
}

static void
link_turn(void *arg)
{
	struct link_question *q = arg;

	q->ret = q->up ? rte_eth_dev_set_link_up(q->port) : rte_eth_dev_set_link_down(q->port);
}

/* With its link interrupt, ethdev gives what that stored and leaves the driver alone. */
static bool
is_stored(uint16_t port)
{
	struct rte_eth_conf conf;

	return rte_eth_dev_conf_get(port, &conf) == 0 && conf.intr_conf.lsc != 0;
}

int
bf_link_ask(uint16_t port, struct rte_eth_link *link)
{
	struct link_question q = {.port = port};
	int ret;

	if (is_stored(port))
		return rte_eth_link_get_nowait(port, link);
	ret = bf_intr_run(link_look, &q, 0);
	*link = q.link;
	return ret != 0 ? ret : q.ret;
}

int
bf_link_switch(uint16_t port, bool up)
{
	struct link_question q = {.port = port, .up = up};
	int ret = bf_intr_run(link_turn, &q, 0);

	return ret != 0 ? ret : q.ret;
}
