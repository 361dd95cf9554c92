/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The guest's memory: a table of regions, set as a whole or changed region by region, and the
 * way from an address of the guest or of the front end to one here.
 *
 * A new table takes the place of the old one once all of it is mapped; else the old one stays.  For
 * that moment both are mapped, which takes addresses but no memory.
 *
 * VU "Memory regions description", "Single memory region description", "Memory access".
 *
 * Threads: ctx vhost.
 */
#include "vhost/internal.h"

enum {
	TABLE_HEAD = 8, /* number of regions, padding */
	ONE_HEAD = 8, /* padding */
};

static struct bf_vhost_region
region_at(const struct bf_vhost_message *m, uint32_t offset)
{
	struct bf_vhost_wire_region w;

	memcpy(&w, m->payload + offset, sizeof(w));
	return (struct bf_vhost_region){
		.gpa = w.gpa, .size = w.size, .uva = w.uva, .offset = w.offset};
}

static struct bf_vhost_region
table_region(const struct bf_vhost_message *m, uint32_t i)
{
	return region_at(m, (uint32_t)(TABLE_HEAD + i * sizeof(struct bf_vhost_wire_region)));
}

static uint32_t
table_count(const struct bf_vhost_message *m)
{
	uint32_t n;

	memcpy(&n, m->payload, sizeof(n));
	return n;
}

static bool
is_overflow(uint64_t begin, uint64_t size)
{
	return begin > UINT64_MAX - size;
}

static bool
is_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static int
check_number(const char *what, uint64_t number, struct bf_err *err)
{
	if (number % BF_VHOST_PAGE == 0)
		return 0;
	return bf_err_set(err, EINVAL, "%s 0x%" PRIx64 ": expected a multiple of %d", what, number,
		BF_VHOST_PAGE);
}

/* A region by itself, and with the file that is to hold it. */
static int
check_region(const struct bf_vhost_region *r, const struct bf_vhost_fd *file, struct bf_err *err)
{
	int ret = check_number("guest address", r->gpa, err);

	if (ret == 0)
		ret = check_number("size", r->size, err);
	if (ret == 0)
		ret = check_number("user address", r->uva, err);
	if (ret == 0)
		ret = check_number("offset", r->offset, err);
	if (ret != 0)
		return ret;
	if (r->size == 0)
		return bf_err_set(err, EINVAL, "size 0: expected at least %d", BF_VHOST_PAGE);
	if (is_overflow(r->gpa, r->size) || is_overflow(r->uva, r->size))
		return bf_err_set(err, EINVAL,
			"size 0x%" PRIx64 " from 0x%" PRIx64 " and 0x%" PRIx64
			": expected an end below 2^64",
			r->size, r->gpa, r->uva);
	if (is_overflow(r->offset, r->size) || r->offset + r->size > file->size)
		return bf_err_set(err, EINVAL,
			"size 0x%" PRIx64 " from offset 0x%" PRIx64
			": expected to end within the file's 0x%" PRIx64 " bytes",
			r->size, r->offset, file->size);
	return 0;
}

static int
check_apart(const struct bf_vhost_region *a, const struct bf_vhost_region *b, struct bf_err *err)
{
	if (is_overlap(a->gpa, a->size, b->gpa, b->size))
		return bf_err_set(err, EINVAL,
			"guest addresses 0x%" PRIx64 " and 0x%" PRIx64
			": expected regions that do not overlap",
			a->gpa, b->gpa);
	if (is_overlap(a->uva, a->size, b->uva, b->size))
		return bf_err_set(err, EINVAL,
			"user addresses 0x%" PRIx64 " and 0x%" PRIx64
			": expected regions that do not overlap",
			a->uva, b->uva);
	return 0;
}

/* Who sends room for more regions than there are (User Mode Linux) is understood. */
int
bf_vhost_check_table(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	uint32_t n = table_count(m);
	uint32_t room = (uint32_t)((m->size - TABLE_HEAD) / sizeof(struct bf_vhost_wire_region));

	(void)s;
	if (n == 0 || n > room)
		return bf_err_set(err, EINVAL, "%u regions: expected 1 to %u", n, room);
	if (m->n_fds != n)
		return bf_err_set(err, EINVAL, "%u descriptors: expected %u", m->n_fds, n);
	for (uint32_t i = 0; i < n; i++) {
		struct bf_vhost_region a = table_region(m, i);
		int ret = check_region(&a, &m->fd[i], err);

		for (uint32_t k = 0; k < i && ret == 0; k++) {
			struct bf_vhost_region b = table_region(m, k);

			ret = check_apart(&a, &b, err);
		}
		if (ret != 0)
			return ret;
	}
	return 0;
}

static int
map_one(struct bf_vhost_session *s, const struct bf_vhost_fd *file, struct bf_vhost_region *r,
	struct bf_err *err)
{
	int ret;

	r->page = file->page;
	ret = s->ops->map(s->arg, file, r);
	if (ret == 0)
		return 0;
	return bf_err_set(err, -ret,
		"region 0x%" PRIx64 " of 0x%" PRIx64 " bytes: cannot be mapped: %s", r->gpa,
		r->size, bf_vhost_unmapped(ret));
}

int
bf_vhost_set_table(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_region old[BF_VHOST_REGIONS], table[BF_VHOST_TABLE_REGIONS] = {{0}};
	uint32_t n_old = s->n_regions;
	uint32_t n = table_count(m);

	(void)answer;
	bf_vhost_stop_all(s);
	for (uint32_t i = 0; i < n; i++) {
		int ret;

		table[i] = table_region(m, i);
		ret = map_one(s, &m->fd[i], &table[i], err);
		if (ret != 0) {
			while (i-- > 0)
				s->ops->unmap(s->arg, &table[i]);
			return ret;
		}
	}
	memcpy(old, s->region, n_old * sizeof(old[0]));
	memcpy(s->region, table, n * sizeof(table[0]));
	s->n_regions = n;
	s->ops->memory_changed(s->arg, s);
	for (uint32_t i = 0; i < n_old; i++)
		s->ops->unmap(s->arg, &old[i]);
	return 0;
}

int
bf_vhost_get_slots(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)s;
	(void)err;
	bf_vhost_answer_u64(answer, m->request, BF_VHOST_REGIONS);
	return 0;
}

static bool
is_same(const struct bf_vhost_region *a, const struct bf_vhost_region *b)
{
	return a->gpa == b->gpa && a->size == b->size && a->uva == b->uva;
}

/* The region that a message names by both addresses and size; the offset does not count. */
static uint32_t
find_region(const struct bf_vhost_session *s, const struct bf_vhost_region *r)
{
	uint32_t i = 0;

	while (i < s->n_regions && !is_same(&s->region[i], r))
		i++;
	return i;
}

/*
 * QEMU up to 7.2 says each change once per queue pair.  What is there, or gone, already is as it was
 * asked for.
 */
static bool
was_removed(const struct bf_vhost_session *s, const struct bf_vhost_region *r)
{
	for (uint32_t i = 0; i < BF_VHOST_REMOVED && i < s->n_removed; i++)
		if (is_same(&s->removed[i], r))
			return true;
	return false;
}

int
bf_vhost_check_add(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	struct bf_vhost_region r = region_at(m, ONE_HEAD);
	int ret = check_region(&r, &m->fd[0], err);
	uint32_t same = find_region(s, &r);

	if (ret == 0 && same < s->n_regions && s->region[same].offset == r.offset)
		return 0;
	for (uint32_t i = 0; i < s->n_regions && ret == 0; i++)
		ret = check_apart(&r, &s->region[i], err);
	if (ret == 0 && s->n_regions == BF_VHOST_REGIONS)
		return bf_err_set(
			err, ENOSPC, "one region more: expected at most %d", BF_VHOST_REGIONS);
	return ret;
}

int
bf_vhost_add_region(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_region r = region_at(m, ONE_HEAD);
	int ret;

	(void)answer;
	if (find_region(s, &r) < s->n_regions)
		return 0;
	bf_vhost_stop_all(s);
	ret = map_one(s, &m->fd[0], &r, err);
	if (ret != 0)
		return ret;
	s->region[s->n_regions++] = r;
	s->ops->memory_changed(s->arg, s);
	return 0;
}

/* A descriptor should not come with it; some front ends send one. */
int
bf_vhost_check_remove(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	struct bf_vhost_region r = region_at(m, ONE_HEAD);

	if (find_region(s, &r) < s->n_regions || was_removed(s, &r))
		return 0;
	return bf_err_set(err, ENOENT,
		"region 0x%" PRIx64 " of 0x%" PRIx64 " bytes at 0x%" PRIx64 ": no such region",
		r.gpa, r.size, r.uva);
}

int
bf_vhost_remove_region(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_region r = region_at(m, ONE_HEAD);
	uint32_t i = find_region(s, &r);

	(void)answer;
	(void)err;
	if (i == s->n_regions)
		return 0;
	bf_vhost_stop_all(s);
	r = s->region[i];
	s->removed[s->n_removed++ % BF_VHOST_REMOVED] = r;
	s->n_regions--;
	memmove(&s->region[i], &s->region[i + 1], (s->n_regions - i) * sizeof(r));
	s->ops->memory_changed(s->arg, s);
	s->ops->unmap(s->arg, &r);
	return 0;
}

void
bf_vhost_forget_memory(struct bf_vhost_session *s)
{
	uint32_t n = s->n_regions;

	if (n == 0)
		return;
	s->n_regions = 0;
	s->ops->memory_changed(s->arg, s);
	for (uint32_t i = 0; i < n; i++)
		s->ops->unmap(s->arg, &s->region[i]);
}

static bool
is_inside(uint64_t at, uint64_t len, uint64_t begin, uint64_t size)
{
	return at >= begin && at - begin < size && len <= size - (at - begin);
}

void *
bf_vhost_session_at(const struct bf_vhost_session *s, uint64_t gpa, uint64_t len)
{
	for (uint32_t i = 0; i < s->n_regions; i++)
		if (is_inside(gpa, len, s->region[i].gpa, s->region[i].size))
			return s->region[i].va + (gpa - s->region[i].gpa);
	return NULL;
}

void *
bf_vhost_at_uva(const struct bf_vhost_session *s, uint64_t uva, uint64_t len)
{
	for (uint32_t i = 0; i < s->n_regions; i++)
		if (is_inside(uva, len, s->region[i].uva, s->region[i].size))
			return s->region[i].va + (uva - s->region[i].uva);
	return NULL;
}
