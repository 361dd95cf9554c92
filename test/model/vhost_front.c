/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See vhost_front.h.
 *
 * Threads: one.
 */
#include "vhost_front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FD_BASE = 1000, /* no descriptor of this process */
	STATE_BYTES = 8,
};

#define MAPPING_BASE(i) ((uintptr_t)((i) + 1) << 41)
#define MAPPING_MAX (UINT64_C(1) << 40)

#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			(void)fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

static bool
is_any_running(const struct front *f)
{
	for (unsigned int q = 0; q < BF_VHOST_RINGS; q++)
		if (f->runs[q])
			return true;
	return false;
}

/* What the engine calls. */

static int
map(struct front *f, const struct bf_vhost_fd *file, uint64_t size, bool is_region,
	struct front_mapping **out)
{
	unsigned int i = 0;

	CHECK(file->kind == BF_VHOST_FD_MEMORY && f->in_use[file->fd - FD_BASE]);
	CHECK(size != 0 && !is_any_running(f));
	if (f->fail != 0 && --f->fail == 0)
		return -ENOMEM;
	if (size > MAPPING_MAX)
		return -ENOMEM;
	while (i < FRONT_MAPPINGS && f->mapping[i].live)
		i++;
	CHECK(i < FRONT_MAPPINGS);
	f->mapping[i] = (struct front_mapping){
		/* NOLINTNEXTLINE(performance-no-int-to-ptr): nobody goes there */
		.va = (uint8_t *)MAPPING_BASE(i),
		.size = size,
		.live = true,
		.is_region = is_region};
	f->n_live++;
	*out = &f->mapping[i];
	return 0;
}

static void
unmap(struct front *f, struct front_mapping *mapping, bool is_region)
{
	CHECK(mapping->live && mapping->is_region == is_region && !is_any_running(f));
	mapping->live = false;
	f->n_live--;
}

static int
on_map(void *arg, const struct bf_vhost_fd *file, struct bf_vhost_region *r)
{
	struct front_mapping *mapping = NULL;
	int ret;

	CHECK(r->offset <= file->size && r->size <= file->size - r->offset);
	CHECK(((r->gpa | r->size | r->uva | r->offset) & (BF_VHOST_PAGE - 1)) == 0);
	CHECK(r->page == file->page);
	ret = map(arg, file, r->size, true, &mapping);
	if (ret != 0)
		return ret;
	r->va = mapping->va;
	r->mapping = mapping;
	return 0;
}

static void
on_unmap(void *arg, struct bf_vhost_region *r)
{
	unmap(arg, r->mapping, true);
}

static int
on_map_log(void *arg, const struct bf_vhost_fd *file, uint64_t size, struct bf_vhost_log *l)
{
	struct front_mapping *mapping = NULL;
	int ret;

	CHECK(size <= file->size);
	ret = map(arg, file, size, false, &mapping);
	if (ret != 0)
		return ret;
	l->va = mapping->va;
	l->mapping = mapping;
	return 0;
}

static int
on_map_inflight(void *arg, const struct bf_vhost_fd *file, uint64_t offset, uint64_t size,
	struct bf_vhost_log *l)
{
	CHECK(offset <= file->size && size <= file->size - offset && offset % BF_VHOST_PAGE == 0);
	return on_map_log(arg, file, size, l);
}

static void
on_unmap_log(void *arg, struct bf_vhost_log *l)
{
	unmap(arg, l->mapping, false);
}

static int
on_make_memory(void *arg, uint64_t size)
{
	struct front *f = arg;

	CHECK(size != 0);
	if (f->fail != 0 && --f->fail == 0)
		return -ENFILE;
	return FD_BASE - 1;
}

static void
on_memory_changed(void *arg, const struct bf_vhost_session *s)
{
	struct front *f = arg;

	CHECK(s == &f->s && !is_any_running(f));
	for (uint32_t i = 0; i < s->n_regions; i++)
		CHECK(((struct front_mapping *)s->region[i].mapping)->live);
	f->n_changes++;
}

static void
on_ring_start(void *arg, const struct bf_vhost_session *s, uint16_t q)
{
	struct front *f = arg;

	CHECK(s == &f->s && q < s->offer.n_rings && !f->runs[q] && s->ring[q].running);
	f->runs[q] = true;
	f->position[q] = s->ring[q].base;
	f->n_starts++;
}

static uint32_t
on_ring_stop(void *arg, uint16_t q)
{
	struct front *f = arg;

	CHECK(f->runs[q]);
	f->runs[q] = false;
	f->n_stops++;
	return f->position[q];
}

static void
on_announce(void *arg, uint64_t mac)
{
	struct front *f = arg;

	f->n_announced++;
	f->announced = mac;
}

static void
on_dispose(void *arg, const struct bf_vhost_fd *fd)
{
	struct front *f = arg;

	CHECK(fd->fd >= FD_BASE && f->in_use[fd->fd - FD_BASE]);
	f->in_use[fd->fd - FD_BASE] = false;
	f->n_in_use--;
	f->n_lent += fd->lent;
}

static void
on_refused(void *arg, const char *request, const char *why)
{
	struct front *f = arg;

	CHECK(request[0] != '\0' && why[0] != '\0');
	f->n_refused++;
	snprintf(f->request, sizeof(f->request), "%s", request);
	snprintf(f->why, sizeof(f->why), "%s", why);
}

static const struct bf_vhost_ops front_ops = {
	.map = on_map,
	.unmap = on_unmap,
	.map_log = on_map_log,
	.unmap_log = on_unmap_log,
	.map_inflight = on_map_inflight,
	.make_memory = on_make_memory,
	.memory_changed = on_memory_changed,
	.ring_start = on_ring_start,
	.ring_stop = on_ring_stop,
	.announce = on_announce,
	.dispose = on_dispose,
	.refused = on_refused,
};

/* What must hold. */

static bool
is_inside(const struct front *f, bool in_region, const void *at, uint64_t len)
{
	for (unsigned int i = 0; i < FRONT_MAPPINGS; i++) {
		const struct front_mapping *m = &f->mapping[i];
		uint64_t offset = (uintptr_t)at - (uintptr_t)m->va;

		if (m->live && m->is_region == in_region && offset < m->size &&
			len <= m->size - offset)
			return true;
	}
	return false;
}

static void
check_running(const struct front *f, const struct bf_vhost_ring *r)
{
	bool packed = (f->s.features & BF_VHOST_F_RING_PACKED) != 0;
	uint64_t n = r->size;
	uint32_t align = packed ? 4 : 2;

	bool transmits = (r - f->s.ring) % 2 == 1; /* it is discarded from while it is disabled */

	CHECK(!f->s.held && r->started && r->has_addr && f->s.has_features);
	CHECK(r->enabled || transmits);
	CHECK(r->wrong == NULL && n != 0 && n <= BF_VHOST_RING_SIZE);
	CHECK(packed || (n & (n - 1)) == 0);
	CHECK(is_inside(f, true, r->desc, 16 * n) && (uintptr_t)r->desc % 16 == 0);
	CHECK(is_inside(f, true, r->avail, packed ? 4 : 6 + 2 * n));
	CHECK(is_inside(f, true, r->used, packed ? 4 : 6 + 8 * n));
	CHECK((uintptr_t)r->avail % align == 0 && (uintptr_t)r->used % 4 == 0);
	if (packed)
		CHECK((r->base & 0x7fff) < n && (r->base >> 16 & 0x7fff) < n);
	else
		CHECK(r->base <= UINT16_MAX);
	if (r->keep != NULL)
		CHECK(is_inside(f, false, r->keep, bf_vhost_inflight_part(r->size, packed)) &&
			(uintptr_t)r->keep % 64 == 0);
}

static void
check_rings(const struct front *f)
{
	unsigned int held = 0;

	for (unsigned int q = 0; q < BF_VHOST_RINGS; q++) {
		const struct bf_vhost_ring *r = &f->s.ring[q];

		CHECK(r->running == f->runs[q] && (!r->running || q < f->s.offer.n_rings));
		if (r->running)
			check_running(f, r);
		else
			CHECK(r->desc == NULL && r->avail == NULL && r->used == NULL &&
				r->keep == NULL);
		CHECK(r->kick.fd < 0 || f->in_use[r->kick.fd - FD_BASE]);
		CHECK(r->call.fd < 0 || f->in_use[r->call.fd - FD_BASE]);
		held += (r->kick.fd >= 0) + (r->call.fd >= 0);
	}
	held += f->s.backend_req.fd >= 0;
	CHECK(held == f->n_in_use);
}

static void
check_memory(const struct front *f)
{
	const struct bf_vhost_session *s = &f->s;

	CHECK(s->n_regions <= BF_VHOST_REGIONS);
	for (uint32_t i = 0; i < s->n_regions; i++) {
		const struct bf_vhost_region *a = &s->region[i];
		const struct front_mapping *m = a->mapping;

		CHECK(m->live && m->is_region && m->va == a->va && m->size == a->size);
		CHECK(bf_vhost_session_at(s, a->gpa, a->size) == a->va);
		CHECK(bf_vhost_session_at(s, a->gpa, a->size + 1) == NULL);
		for (uint32_t k = 0; k < i; k++) {
			const struct bf_vhost_region *b = &s->region[k];

			CHECK(a->gpa + a->size <= b->gpa || b->gpa + b->size <= a->gpa);
			CHECK(a->uva + a->size <= b->uva || b->uva + b->size <= a->uva);
			CHECK(a->mapping != b->mapping);
		}
	}
	CHECK(f->n_live == s->n_regions + (s->log.va != NULL) + (s->inflight.va != NULL));
}

void
front_check(const struct front *f)
{
	check_rings(f);
	check_memory(f);
	CHECK((f->s.features & ~(f->s.offer.features | f->s.offer.solo_features)) == 0);
	CHECK((f->s.protocol & ~(f->s.offer.protocol | f->s.offer.solo_protocol)) == 0);
	if (bf_vhost_session_is_up(&f->s) && !f->s.held)
		CHECK((f->runs[0] || !f->s.ring[0].enabled) &&
			(f->runs[1] || !f->s.ring[1].enabled));
}

static void
check_answer(const struct front *f, uint32_t request)
{
	const struct bf_vhost_answer *a = &f->answer;
	uint32_t header[3];

	CHECK(a->fd == -1 || (a->fd == FD_BASE - 1 && request == BF_VHOST_GET_INFLIGHT_FD));
	if (a->len == 0)
		return;
	if (request != BF_VHOST_GET_CONFIG)
		CHECK(a->len >= BF_VHOST_HEADER + STATE_BYTES);
	CHECK(a->len >= BF_VHOST_HEADER && a->len <= sizeof(a->bytes));
	memcpy(header, a->bytes, sizeof(header));
	CHECK(header[0] == request && header[1] == 5 && header[2] == a->len - BF_VHOST_HEADER);
}

/* A message that was refused has left no trace but the words about it. */
static void
check_unchanged(const struct front *f, const struct bf_vhost_session *before)
{
	struct bf_vhost_session now;

	memcpy(&now, &f->s, sizeof(now));
	now.messages = before->messages;
	now.refusals = before->refusals;
	memcpy(now.error, before->error, sizeof(now.error));
	/* Of a running ring the position is where it runs. */
	for (unsigned int q = 0; q < BF_VHOST_RINGS; q++)
		if (f->runs[q])
			now.ring[q].base = before->ring[q].base;
	CHECK(memcmp(&now, before, sizeof(now)) == 0);
}

static bool
is_about_a_ring(const struct front *f)
{
	unsigned int q;
	char its[4];

	return sscanf(f->why, "ring %u: %3s", &q, its) == 2 && strcmp(its, "its") == 0;
}

/* Saying. */

void
front_init_offer(struct front *f, uint64_t features, uint64_t protocol, uint16_t n_rings)
{
	struct bf_vhost_offer offer = {
		.features = features, .protocol = protocol, .n_rings = n_rings};

	memset(f, 0, sizeof(*f));
	bf_vhost_session_init(&f->s, &offer, &front_ops, f);
	front_check(f);
}

void
front_init(struct front *f)
{
	front_init_offer(f, FRONT_OFFER_FEATURES, FRONT_OFFER_PROTOCOL, 4);
}

void
front_fini(struct front *f)
{
	bf_vhost_session_fini(&f->s);
	CHECK(!is_any_running(f));
	for (unsigned int i = 0; i < FRONT_MAPPINGS; i++)
		CHECK(!f->mapping[i].live);
	for (unsigned int i = 0; i < FRONT_FDS; i++)
		CHECK(!f->in_use[i]);
}

static struct bf_vhost_fd
new_fd(struct front *f, char letter)
{
	struct bf_vhost_fd fd = {.kind = BF_VHOST_FD_MEMORY, .page = 4096};

	while (f->in_use[f->next_fd])
		f->next_fd = (f->next_fd + 1) % FRONT_FDS;
	f->in_use[f->next_fd] = true;
	f->n_in_use++;
	fd.fd = FD_BASE + f->next_fd;
	f->next_fd = (f->next_fd + 1) % FRONT_FDS;
	if (letter == 'm')
		fd.size = FRONT_FILE_BYTES;
	else if (letter == 's')
		fd.size = FRONT_SMALL_BYTES;
	else if (letter == 'h')
		fd.size = FRONT_HUGE_BYTES;
	else
		fd.kind = letter == 'e' ? BF_VHOST_FD_EVENT
			: letter == 'p' ? BF_VHOST_FD_PIPE
			: letter == 'u' ? BF_VHOST_FD_SOCKET
					: BF_VHOST_FD_OTHER;
	return fd;
}

int
front_send(struct front *f, uint32_t request, uint32_t flags, const void *payload, uint32_t len,
	const char *fds)
{
	static struct bf_vhost_session before;
	struct bf_vhost_message m = {.request = request, .flags = flags, .size = len};
	unsigned int n_refused = f->n_refused;
	int ret;

	CHECK(len <= sizeof(m.payload) && strlen(fds) <= BF_VHOST_FDS);
	if (len != 0)
		memcpy(m.payload, payload, len);
	for (; *fds != '\0'; fds++)
		m.fd[m.n_fds++] = new_fd(f, *fds);
	memcpy(&before, &f->s, sizeof(before));
	ret = bf_vhost_session_take(&f->s, &m, &f->answer);
	CHECK(ret == 0 || ret == -EPROTO);
	CHECK(f->n_refused - n_refused <= 1 && (ret == 0 || f->n_refused != n_refused));
	check_answer(f, request);
	front_check(f);
	if (f->n_refused != n_refused && !is_about_a_ring(f))
		check_unchanged(f, &before);
	return ret;
}

int
front_say(struct front *f, uint32_t request, const void *payload, uint32_t len, const char *fds)
{
	uint32_t flags = BF_VHOST_FLAG_V1 | (f->need_reply ? BF_VHOST_FLAG_NEED_REPLY : 0);

	return front_send(f, request, flags, payload, len, fds);
}

int
front_u64(struct front *f, uint32_t request, uint64_t value, const char *fds)
{
	return front_say(f, request, &value, sizeof(value), fds);
}

int
front_state(struct front *f, uint32_t request, uint32_t index, uint32_t num)
{
	struct bf_vhost_wire_state state = {index, num};

	return front_say(f, request, &state, sizeof(state), "");
}

int
front_addr(struct front *f, uint32_t q, uint32_t flags)
{
	struct bf_vhost_wire_addr addr = {
		q, flags, FRONT_DESC(q), FRONT_USED(q), FRONT_AVAIL(q), 0x1000};

	return front_say(f, BF_VHOST_SET_VRING_ADDR, &addr, sizeof(addr), "");
}

uint64_t
front_answer(const struct front *f)
{
	uint64_t value;

	CHECK(f->answer.len == BF_VHOST_HEADER + sizeof(value));
	memcpy(&value, f->answer.bytes + BF_VHOST_HEADER, sizeof(value));
	return value;
}

uint32_t
front_answer_num(const struct front *f)
{
	return (uint32_t)(front_answer(f) >> 32);
}

void
front_negotiate(struct front *f, uint64_t features)
{
	CHECK(front_u64(f, BF_VHOST_SET_PROTOCOL_FEATURES, f->s.offer.protocol, "") == 0);
	CHECK(front_say(f, BF_VHOST_SET_OWNER, NULL, 0, "") == 0);
	CHECK(front_u64(f, BF_VHOST_SET_FEATURES, features, "") == 0);
}

int
front_memory(struct front *f)
{
	uint64_t table[] = {2, FRONT_GPA0, FRONT_SIZE0, FRONT_UVA0, FRONT_OFFSET0, FRONT_GPA1,
		FRONT_SIZE1, FRONT_UVA1, FRONT_OFFSET1};

	return front_say(f, BF_VHOST_SET_MEM_TABLE, table, sizeof(table), "mm");
}

void
front_ring(struct front *f, uint32_t q)
{
	CHECK(front_state(f, BF_VHOST_SET_VRING_NUM, q, FRONT_RING_SIZE) == 0);
	CHECK(front_state(f, BF_VHOST_SET_VRING_BASE, q, 0) == 0);
	CHECK(front_addr(f, q, 0) == 0);
	CHECK(front_u64(f, BF_VHOST_SET_VRING_KICK, q, "e") == 0);
	CHECK(front_u64(f, BF_VHOST_SET_VRING_CALL, q, "e") == 0);
}

void
front_up(struct front *f, uint64_t features)
{
	front_init(f);
	front_negotiate(f, features);
	CHECK(front_memory(f) == 0);
	for (uint32_t q = 0; q < 2; q++)
		front_ring(f, q);
	if ((features & BF_VHOST_F_PROTOCOL_FEATURES) != 0)
		for (uint32_t q = 0; q < 2; q++)
			CHECK(front_state(f, BF_VHOST_SET_VRING_ENABLE, q, 1) == 0);
	CHECK(f->runs[0] && f->runs[1] && bf_vhost_session_is_up(&f->s));
}
