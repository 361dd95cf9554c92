/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See negotiated.h.
 *
 * Threads: ctx control.
 */
#include "control/guests/negotiated.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/hash.h"
#include "control/guests/guest.h"
#include "control/guests/offer.h"
#include "vhost/wire.h"

#define NAMES_MAX 320 /* of features, as text */
#define START_FIELD 22 /* of proc(5), stat */

static uint64_t
host_boot(void)
{
	static uint64_t digest;
	char line[64] = "";
	FILE *f;

	if (digest != 0)
		return digest;
	f = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (f != NULL && fgets(line, sizeof(line), f) != NULL)
		digest = bf_hash_text(BF_HASH_START, line);
	if (f != NULL)
		fclose(f);
	return digest;
}

/*
 * proc(5), stat: field 22; a process's name, field 2, may hold blanks and brackets.  One that has ended and is not yet
 * waited for (Z, X) will not come back.  @return 0: there is none
 */
static uint64_t
process_start(int pid, char name[16])
{
	char path[32], line[1024] = "", *at, *begin;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = pid > 0 ? fopen(path, "re") : NULL;
	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	begin = strchr(line, '(');
	at = strrchr(line, ')');
	if (begin == NULL || at == NULL)
		return 0;
	*at++ = '\0';
	if (at[0] == ' ' && (at[1] == 'Z' || at[1] == 'X'))
		return 0;
	if (name != NULL)
		snprintf(name, 16, "%s", begin + 1);
	for (unsigned int field = 2; field < START_FIELD && at != NULL; field++)
		at = strchr(at + (field > 2), ' ');
	return at != NULL ? strtoull(at, NULL, 10) : 0;
}

static void
name_plain(char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	for (char *c = name; *c != '\0'; c++)
		if (strchr(allowed, *c) == NULL)
			*c = '_';
	if (name[0] == '\0')
		snprintf(name, 16, "unknown");
}

static struct bf_negotiated *
book_find(const struct bf_negotiated_book *b, const char *guest)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (strcmp(b->at[i].guest, guest) == 0)
			return &b->at[i];
	return NULL;
}

/* The one that binds nobody and is the oldest, else the oldest. */
static struct bf_negotiated *
book_least(const struct bf_negotiated_book *b)
{
	struct bf_negotiated *least = &b->at[0];

	for (uint32_t i = 1; i < b->n; i++)
		if (b->at[i].up < least->up ||
			(b->at[i].up == least->up && b->at[i].since_s < least->since_s))
			least = &b->at[i];
	return least;
}

static struct bf_negotiated *
book_place(struct bf_negotiated_book *b, const char *guest)
{
	struct bf_negotiated *n = book_find(b, guest);

	if (n != NULL)
		return n;
	if (b->n == BF_MAX_GUESTS)
		return book_least(b);
	if (b->n == b->room) {
		uint32_t room = b->room * 2 + 8;
		struct bf_negotiated *grown = realloc(b->at, room * sizeof(*grown));

		if (grown == NULL)
			return NULL; /* the guest is noted when it changes next */
		b->at = grown;
		b->room = room;
	}
	return &b->at[b->n++];
}

/* QEMU gives each pair that it has a call at once, and wants room for all of them when it comes back. */
static uint16_t
pairs_told(const struct bf_guest *g, const struct bf_vhost_session *s)
{
	uint32_t n = g->n_vrings;

	for (uint32_t q = n; q < BF_VHOST_DATA_RINGS; q++)
		if (s->ring[q].call.fd >= 0)
			n = q + 1;
	return (uint16_t)RTE_MIN(n / 2, g->cfg.queues); /* more than it was told do not work */
}

/* What the front end has agreed on. */
static void
negotiated_take(struct bf_negotiated *n, const struct bf_guest *g)
{
	const struct bf_vhost_session *s;
	struct bf_door_info info;

	bf_guest_look(g, &info);
	s = &info.session;
	memset(n, 0, sizeof(*n));
	snprintf(n->guest, sizeof(n->guest), "%s", g->cfg.name);
	snprintf(n->socket, sizeof(n->socket), "%s", g->cfg.socket);
	n->up = true;
	n->server = g->cfg.server;
	n->solo = s->solo;
	n->features = s->features & ~BF_VHOST_F_LOG_ALL; /* comes and goes with a migration */
	n->protocol = s->protocol;
	n->pairs = pairs_told(g, s);
	n->ring_size = s->ring[0].size;
	n->mtu = g->mtu;
	n->pid = (int)info.pid;
	n->uid = info.uid;
	n->process_start = process_start(n->pid, n->front_end);
	n->boot = host_boot();
	name_plain(n->front_end);
}

/* But for when it came up. */
static bool
negotiated_is_same(const struct bf_negotiated *a, const struct bf_negotiated *b)
{
	return a->up == b->up && a->removed == b->removed && a->server == b->server &&
		a->solo == b->solo && a->features == b->features && a->protocol == b->protocol &&
		a->pairs == b->pairs && a->ring_size == b->ring_size && a->mtu == b->mtu &&
		a->pid == b->pid && a->uid == b->uid && a->process_start == b->process_start &&
		a->boot == b->boot && strcmp(a->front_end, b->front_end) == 0 &&
		strcmp(a->socket, b->socket) == 0;
}

/*
 * Its device is down.  A front end that is still there, while its guest boots say, is held to what it agreed on;
 * one whose connection we have ended ourselves is waited for, also by the port that is opened anew.
 */
static void
negotiated_end(struct bf_negotiated_book *b, struct bf_negotiated *n, struct bf_guest *g)
{
	struct bf_door_info info;

	bf_guest_look(g, &info);
	g->lingers = info.connections > 0;
	if (g->lingers || g->loss.held || g->connects == 0)
		return;
	n->up = false;
	b->version++;
}

void
bf_negotiated_note(struct bf_negotiated_book *b, struct bf_guest *g)
{
	struct bf_negotiated *had = book_find(b, g->cfg.name), now;

	if (g->cfg.host)
		return;
	if (!g->up) {
		if (had != NULL && had->up)
			negotiated_end(b, had, g);
		return;
	}
	g->lingers = false;
	negotiated_take(&now, g);
	now.since_s =
		had != NULL && had->up && had->pid == now.pid ? had->since_s : (uint64_t)time(NULL);
	if (had != NULL && negotiated_is_same(had, &now))
		return;
	had = book_place(b, g->cfg.name);
	if (had == NULL)
		return;
	*had = now;
	b->version++;
}

void
bf_negotiated_remove(struct bf_negotiated_book *b, const char *guest)
{
	struct bf_negotiated *n = book_find(b, guest);

	if (n == NULL || n->removed)
		return;
	n->removed = true;
	b->version++;
}

bool
bf_negotiated_forget(struct bf_negotiated_book *b, const char *guest)
{
	struct bf_negotiated *n = book_find(b, guest);

	if (n == NULL)
		return false;
	*n = b->at[--b->n];
	b->version++;
	return true;
}

void
bf_negotiated_restore(struct bf_negotiated_book *b, const struct bf_negotiated *n)
{
	struct bf_negotiated *place = book_place(b, n->guest);

	if (place != NULL)
		*place = *n;
}

const struct bf_negotiated *
bf_negotiated_find(const struct bf_negotiated_book *b, const char *guest)
{
	return book_find(b, guest);
}

bool
bf_negotiated_binds(const struct bf_negotiated *n)
{
	if (!n->up || n->boot != host_boot())
		return false;
	if (n->process_start == 0)
		return n->pid <= 0 || kill(n->pid, 0) == 0 || errno != ESRCH;
	return process_start(n->pid, NULL) == n->process_start;
}

static void
lacks_say(const char *what, uint64_t had, uint64_t offered,
	const char *(*names_of)(uint64_t, char *, size_t), struct bf_err *why)
{
	char lacking[NAMES_MAX], all[NAMES_MAX], rest[NAMES_MAX];

	bf_err_set(why, EPERM,
		"it would not be offered %s: it has negotiated %s 0x%" PRIx64
		" (%s) and would be offered 0x%" PRIx64 " (%s)",
		names_of(had & ~offered, lacking, sizeof(lacking)), what, had,
		names_of(had, all, sizeof(all)), offered, names_of(offered, rest, sizeof(rest)));
}

bool
bf_negotiated_lacks_offer(const struct bf_negotiated *n, uint64_t features, uint64_t protocol,
	uint32_t queues, struct bf_err *why)
{
	if ((n->features & ~features) != 0)
		lacks_say("features", n->features, features, bf_vhost_feature_names, why);
	else if ((n->protocol & ~protocol) != 0)
		lacks_say("protocol features", n->protocol, protocol, bf_vhost_protocol_names, why);
	else if (n->pairs > queues)
		bf_err_set(why, EPERM, "it uses %u queue pairs and would be offered %" PRIu32,
			n->pairs, queues);
	else
		return false;
	return true;
}

/* Also by another path, /var/run for /run say.  The socket itself need not be there now. */
static bool
socket_is_same(const char *a, const char *b)
{
	const char *a_name = strrchr(a, '/'), *b_name = strrchr(b, '/');
	char folder[BF_SOCKET_MAX + 1];
	struct stat x, y;

	if (strcmp(a, b) == 0)
		return true;
	if (a_name == NULL || b_name == NULL || strcmp(a_name, b_name) != 0)
		return false;
	snprintf(folder, sizeof(folder), "%.*s/", (int)(a_name - a), a);
	if (stat(folder, &x) != 0)
		return false;
	snprintf(folder, sizeof(folder), "%.*s/", (int)(b_name - b), b);
	return stat(folder, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool
bf_negotiated_lacks(
	const struct bf_negotiated *n, const struct bf_guest_config *cfg, struct bf_err *why)
{
	struct bf_vhost_offer o = bf_guest_offer(cfg);

	if (cfg->host)
		bf_err_set(why, EPERM, "it would be a host port");
	else if (!socket_is_same(n->socket, cfg->socket))
		bf_err_set(why, EPERM, "its front end is at %s and the port would be at %s",
			n->socket, cfg->socket);
	else if (n->server != cfg->server)
		bf_err_set(why, EPERM, "its port was in mode=%s and would be in mode=%s",
			n->server ? "server" : "client", cfg->server ? "server" : "client");
	else
		return bf_negotiated_lacks_offer(n, o.features | (n->solo ? o.solo_features : 0),
			o.protocol | (n->solo ? o.solo_protocol : 0), cfg->queues, why);
	return true;
}

void
bf_negotiated_fini(struct bf_negotiated_book *b)
{
	free(b->at);
	*b = (struct bf_negotiated_book){.n = 0};
}
