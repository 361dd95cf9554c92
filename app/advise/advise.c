/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondfwd --advise: the plan (plan.h) as text and JSON.
 *
 * Threads: one.
 */
#include "advise/advise.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advise/plan.h"
#include "console/render.h"
#include "control/snapshot/devices.h"
#include "machine/sysfs.h"

#define LIST 512 /* a list of CPUs as text */

struct item {
	const char *topic;
	char text[1600], why[320];
};

static const struct bf_field item_fields[] = {
	BF_FIELD(struct item, topic),
	BF_FIELD(struct item, text),
	BF_FIELD(struct item, why),
};

static const struct bf_table item_table = BF_TABLE(
	"advice item", struct item, item_fields, .text = "{topic}\n    {text}\n    # {why}\n");

struct memory_row {
	int node;
	uint32_t mib;
	uint64_t pages_2m, free_mib;
};

static const struct bf_field memory_fields[] = {
	BF_FIELD(struct memory_row, node),
	BF_FIELD(struct memory_row, mib),
	BF_FIELD(struct memory_row, pages_2m),
	BF_FIELD(struct memory_row, free_mib),
};

static const struct bf_table memory_table =
	BF_TABLE("advice memory", struct memory_row, memory_fields);

struct cpu_row {
	uint32_t cpu;
};

static const struct bf_field cpu_fields[] = {BF_FIELD(struct cpu_row, cpu)};
static const struct bf_table cpu_table =
	BF_TABLE("advice cpu", struct cpu_row, cpu_fields, .shape = BF_SHAPE_VALUES);

struct advice_row {
	uint32_t n_workers, n_guests, mtu, ring_size, frames, frame_bytes, main_cpu;
	bool workers_share_cpu;
	char isolate[LIST], guest_cpus[LIST];
	struct bf_rows workers, memory, items, devices;
};

#define ROW struct advice_row

static const struct bf_field advice_fields[] = {
	BF_FIELD_AS(ROW, n_workers, "n_workers"),
	BF_FIELD_AS(ROW, n_guests, "guests"),
	BF_FIELD(ROW, mtu),
	BF_FIELD(ROW, main_cpu),
	BF_FIELD(ROW, workers, .table = &cpu_table),
	BF_FIELD(ROW, workers_share_cpu),
	BF_FIELD(ROW, isolate),
	BF_FIELD(ROW, guest_cpus),
	BF_FIELD(ROW, ring_size),
	BF_FIELD(ROW, frames),
	BF_FIELD(ROW, frame_bytes),
	BF_FIELD(ROW, memory, .table = &memory_table),
	BF_FIELD_AS(ROW, items, "advice", .table = &item_table),
	BF_FIELD(ROW, devices, .table = &bf_devices_table),
};

const struct bf_table bf_advise_table = BF_TABLE("advice", ROW, advice_fields,
	.text = "Workers: {n_workers}, guests: {guests}, MTU: {mtu} "
		"(--advise workers=N,guests=N,mtu=N for others):\n\n{advice}\n"
		"Network devices\n{devices}");

/* What is said, and of what. */
struct saying {
	const struct bf_machine *m;
	const struct bf_advise_plan *p;
	const char *root;
	struct bf_rows *to;
	struct bf_snapshot *s;
	char isolate[LIST];
	char replaced[LIST]; /* words of the command line that have another value now */
};

static struct item *__attribute__((format(printf, 4, 5)))
item_add(struct saying *g, const char *topic, const char *why, const char *text, ...)
{
	struct item *i = bf_rows_add(g->s, g->to, sizeof(*i));
	va_list args;

	i->topic = topic;
	va_start(args, text);
	vsnprintf(i->text, sizeof(i->text), text, args);
	va_end(args);
	BF_ROW_TEXT(i->why, why);
	return i;
}

static void __attribute__((format(printf, 3, 4)))
text_add(char *buf, size_t size, const char *text, ...)
{
	size_t len = strlen(buf);
	va_list args;

	va_start(args, text);
	vsnprintf(buf + len, size - len, text, args);
	va_end(args);
}

static void
say_cpus(struct saying *g)
{
	const struct bf_advise_plan *p = g->p;
	char workers[LIST] = "", why[320], guests[LIST];

	if (p->shares_cpu) {
		item_add(g, "CPUs",
			"there is no core beside that of CPU 0: the worker sleeps when it has nothing to do",
			"isolate none; bondctl set lcore idle sleep");
		return;
	}
	for (uint32_t w = 0; w < p->n_workers; w++)
		text_add(workers, sizeof(workers), "%s%u", w > 0 ? "," : "", p->workers[w]);
	snprintf(why, sizeof(why),
		"workers poll on CPUs %.120s, on the cards' memory node; hyper-threads of their cores stay idle, "
		"CPU 0 stays with the kernel",
		workers);
	item_add(g, "CPUs", why, "isolate %s", g->isolate);
	bf_cpuset_text(&p->guest_cpus, guests, sizeof(guests));
	if (guests[0] == '\0')
		item_add(g, "Guests' CPUs",
			"no CPU is left beside those of the workers and of the main lcore, which sleeps",
			"pin vCPUs to %u", p->main_cpu);
	else if (p->guests_far)
		item_add(g, "Guests' CPUs",
			"these are all that the workers and the main lcore leave",
			"pin vCPUs to %s", guests);
	else
		item_add(g, "Guests' CPUs",
			"no vCPU runs on a worker's core, on the main lcore's CPU, nor beside the kernel's work on CPU 0",
			"pin vCPUs to %s", guests);
}

static bool
primary_take(void *arg, const char *line)
{
	bool *found = arg;

	*found = *found || strstr(line, "/dpdk/rte/mp_socket") != NULL;
	return !*found;
}

/* Huge pages by node in the EAL's order, which counts from node 0 on. */
static void
write_socket_mem(const struct bf_advise_plan *p, char *buf, size_t size)
{
	int last = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < p->n_memory; i++)
		last = p->memory[i].node > last ? p->memory[i].node : last;
	for (int node = 0; node <= last; node++) {
		uint32_t mib = 0;

		for (uint32_t i = 0; i < p->n_memory; i++)
			mib += p->memory[i].node == node ? p->memory[i].mib : 0;
		text_add(buf, size, "%s%" PRIu32, node > 0 ? "," : "", mib);
	}
}

/* The EAL takes the lowest for its main lcore, unless it is told another. */
static bool
main_is_lowest(const struct bf_advise_plan *p)
{
	for (uint32_t w = 0; w < p->n_workers; w++)
		if (p->workers[w] < p->main_cpu)
			return false;
	return true;
}

static void
say_eal(struct saying *g)
{
	const struct bf_advise_plan *p = g->p;
	char args[1200] = "", memory[256], why[320];
	bool is_taken = false;

	if (p->shares_cpu)
		text_add(args, sizeof(args), "--lcores 0@%u,1@%u", p->main_cpu, p->main_cpu);
	else
		text_add(args, sizeof(args), "-l %u", p->main_cpu);
	for (uint32_t w = 0; w < p->n_workers && !p->shares_cpu; w++)
		text_add(args, sizeof(args), ",%u", p->workers[w]);
	if (!p->shares_cpu && !main_is_lowest(p))
		text_add(args, sizeof(args), " --main-lcore %u", p->main_cpu);
	for (uint32_t c = 0; c < p->n_cards; c++)
		text_add(args, sizeof(args), " -a %s", p->cards[c]->name);
	if (p->n_cards == 0)
		text_add(args, sizeof(args), " --no-pci");
	write_socket_mem(p, memory, sizeof(memory));
	text_add(args, sizeof(args), " --socket-mem %s", memory);
	bf_sysfs_lines(g->root, primary_take, &is_taken, "/proc/net/unix");
	if (is_taken)
		text_add(args, sizeof(args), " --file-prefix bondfwd");
	snprintf(why, sizeof(why),
		"the main lcore on CPU %u sleeps, then one lcore for each worker%s%s", p->main_cpu,
		p->n_cards > 0 ? "; only these cards are taken"
			       : "; no card can be used yet, see below",
		is_taken ? "; another DPDK process has the prefix rte" : "");
	item_add(g, "EAL arguments", why, "bondfwd %s --", args);
}

/* " on node 1", and nothing where the kernel knows no nodes. */
static const char *
node_text(const struct saying *g, int node, char *buf, size_t size)
{
	buf[0] = '\0';
	if (g->m->has_nodes)
		snprintf(buf, size, " on node %d", node);
	return buf;
}

static void
pages_say(struct saying *g, const struct bf_advise_memory *m, const char *why)
{
	char where[32], folder[64] = "/sys/kernel/mm";

	if (g->m->has_nodes)
		snprintf(folder, sizeof(folder), "/sys/devices/system/node/node%d", m->node);
	item_add(g, "Huge pages", why,
		"%" PRIu32 " MiB%s: echo %" PRIu64 " > %s/hugepages/hugepages-2048kB/nr_hugepages",
		m->mib, node_text(g, m->node, where, sizeof(where)), m->pages_2m, folder);
}

static void
say_memory(struct saying *g)
{
	const struct bf_advise_plan *p = g->p;
	char why[320], where[32];

	for (uint32_t i = 0; i < p->n_memory; i++) {
		const struct bf_advise_memory *m = &p->memory[i];

		if (i == 0)
			snprintf(why, sizeof(why),
				"%" PRIu32 " frames of %" PRIu32 " bytes, %" PRIu32
				" MiB for rings and tables, %d KiB for "
				"each guest; %" PRIu64
				" MiB are free there now; guests' own memory comes on top",
				p->frames, p->frame_bytes, m->rest_mib, BF_ADVISE_PER_GUEST_KIB,
				m->free_mib);
		else
			snprintf(why, sizeof(why),
				"for rings and for guests that are polled there; %" PRIu64
				" MiB are free there now",
				m->free_mib);
		if (m->free_mib >= m->mib)
			item_add(g, "Huge pages", why, "%" PRIu32 " MiB%s: they are free", m->mib,
				node_text(g, m->node, where, sizeof(where)));
		else
			pages_say(g, m, why);
	}
	if (!g->m->has_hugetlbfs)
		item_add(g, "Huge pages", "no hugetlbfs is mounted: the EAL finds its pages there",
			"mount -t hugetlbfs none /dev/hugepages");
}

static void
say_rings(struct saying *g)
{
	uint32_t fastest = 0;

	for (uint32_t i = 0; i < g->p->n_cards; i++)
		fastest = RTE_MAX(fastest, g->p->cards[i]->speed_mbps);
	item_add(g, "Ring sizes",
		g->p->n_cards > 0 && fastest == 0
			? "for 10 Gb/s: a card that the kernel does not drive tells no speed; 2048 above 10 Gb/s, "
			  "4096 from 40 Gb/s"
			: g->p->ring_size == BF_RING_SIZE
			? "the default bridges some 100 us of short frames at 10 Gb/s"
			: "the cards are faster than 10 Gb/s: a longer ring bridges the same time",
		"rxd=%" PRIu32 ",txd=%" PRIu32 " in --bond", g->p->ring_size, g->p->ring_size);
}

static bool
vendor_take(void *arg, const char *line)
{
	if (strncmp(line, "vendor_id", 9) == 0)
		*(bool *)arg = strstr(line, "GenuineIntel") != NULL;
	return strncmp(line, "vendor_id", 9) != 0;
}

/* A word that the command line has already is said to be there, so that nobody has it twice. */
static void
words_add(struct saying *g, char *words, size_t size, const char *word, const char *value)
{
	char now[LIST];
	const char *has = bf_machine_cmdline(g->m, word, now, sizeof(now));

	if (has != NULL && strcmp(has, value) == 0)
		return;
	text_add(words, size, "%s%s%s%s", words[0] != '\0' ? " " : "", word,
		value[0] != '\0' ? "=" : "", value);
	if (has != NULL)
		text_add(g->replaced, sizeof(g->replaced), " %s=%s", word, has);
}

/* The command line reserves pages, and enough of them are free. */
static bool
pages_are_kept(const struct saying *g)
{
	char now[LIST];
	bool enough = true;

	for (uint32_t i = 0; i < g->p->n_memory; i++)
		enough = enough && g->p->memory[i].free_mib >= g->p->memory[i].mib;
	return enough && bf_machine_cmdline(g->m, "hugepages", now, sizeof(now)) != NULL;
}

static bool
has_plan(const struct bf_advise_plan *p, int node)
{
	bool found = false;

	for (uint32_t i = 0; i < p->n_memory; i++)
		found = found || p->memory[i].node == node;
	return found;
}

/* What other nodes have is not bondfwd's, and must be there after the reboot, too. */
static void
others_pages_add(const struct saying *g, char *pages, size_t size)
{
	for (unsigned int n = 0; n < g->m->n_nodes; n++) {
		const struct bf_machine_node *node = &g->m->nodes[n];

		for (unsigned int i = 0; i < node->n_sizes && !has_plan(g->p, node->id); i++)
			if (node->pages[i].size_kib == 2048 && node->pages[i].total > 0)
				text_add(pages, size, ",%d:%" PRIu64, node->id,
					node->pages[i].total);
	}
}

static void
pages_add(struct saying *g, char *words, size_t size)
{
	const struct bf_advise_plan *p = g->p;
	char pages[256] = "";

	words_add(g, words, size, "default_hugepagesz", "2M");
	words_add(g, words, size, "hugepagesz", "2M");
	for (uint32_t i = 0; i < p->n_memory; i++) {
		if (g->m->n_nodes > 1)
			text_add(
				pages, sizeof(pages), "%s%d:", i > 0 ? "," : "", p->memory[i].node);
		text_add(pages, sizeof(pages), "%" PRIu64, p->memory[i].pages_2m);
	}
	if (g->m->n_nodes > 1)
		others_pages_add(g, pages, sizeof(pages));
	words_add(g, words, size, "hugepages", pages);
}

static void
say_kernel(struct saying *g)
{
	const struct bf_advise_plan *p = g->p;
	char words[1024] = "", value[LIST + 32], why[320];
	bool is_intel = false;

	if (!p->shares_cpu) {
		snprintf(value, sizeof(value), "managed_irq,domain,%s", g->isolate);
		words_add(g, words, sizeof(words), "isolcpus", value);
		words_add(g, words, sizeof(words), "nohz_full", g->isolate);
		words_add(g, words, sizeof(words), "rcu_nocbs", g->isolate);
	}
	bf_sysfs_lines(g->root, vendor_take, &is_intel, "/proc/cpuinfo");
	if (is_intel && !g->m->has_iommu)
		words_add(g, words, sizeof(words), "intel_iommu", "on");
	if (p->n_cards > 0)
		words_add(g, words, sizeof(words), "iommu", "pt");
	if (!pages_are_kept(g))
		pages_add(g, words, sizeof(words));
	snprintf(why, sizeof(why),
		"keeps tasks, timer ticks and RCU off the workers, and reserves memory before it is in pieces; "
		"in effect after a reboot%s%.160s",
		g->replaced[0] != '\0' ? "; instead of" : "", g->replaced);
	item_add(g, "Kernel command line", why, "%s",
		words[0] != '\0' ? words : "nothing is missing");
}

static void
say_interrupts(struct saying *g)
{
	char mask[LIST];

	if (g->p->shares_cpu)
		return;
	bf_cpuset_mask(
		&g->p->housekeeping, g->m->n_cpus > 0 ? g->m->n_cpus - 1 : 0, mask, sizeof(mask));
	item_add(g, "Interrupts", "new interrupts go to the other CPUs",
		"echo %s > /proc/irq/default_smp_affinity", mask);
	item_add(g, "Interrupts",
		"the ones that are there go to the other CPUs, but for those that the kernel keeps",
		"for irq in /proc/irq/*/smp_affinity; do echo %s > $irq; done 2>/dev/null", mask);
	item_add(g, "Interrupts",
		"in /etc/default/irqbalance, where irqbalance runs: it leaves these CPUs alone",
		"IRQBALANCE_BANNED_CPULIST=%s", g->isolate);
}

static void
advice_gather(const struct bf_machine *m, const struct bf_nics *nics,
	const struct bf_advise_plan *p, const char *root, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));
	struct saying g = {.m = m, .p = p, .root = root, .to = &row->items, .s = s};

	row->n_workers = p->n_workers;
	row->n_guests = p->n_guests;
	row->mtu = p->mtu;
	row->ring_size = p->ring_size;
	row->frames = p->frames;
	row->frame_bytes = p->frame_bytes;
	row->main_cpu = p->main_cpu;
	row->workers_share_cpu = p->shares_cpu;
	bf_cpuset_text(&p->isolate, g.isolate, sizeof(g.isolate));
	BF_ROW_TEXT(row->isolate, g.isolate);
	bf_cpuset_text(&p->guest_cpus, row->guest_cpus, sizeof(row->guest_cpus));
	for (uint32_t w = 0; w < p->n_workers; w++) {
		struct cpu_row *cpu = bf_rows_add(s, &row->workers, sizeof(*cpu));

		cpu->cpu = p->shares_cpu ? p->main_cpu : p->workers[w];
	}
	for (uint32_t i = 0; i < p->n_memory; i++) {
		struct memory_row *to = bf_rows_add(s, &row->memory, sizeof(*to));

		*to = (struct memory_row){p->memory[i].node, p->memory[i].mib,
			p->memory[i].pages_2m, p->memory[i].free_mib};
	}
	say_cpus(&g);
	say_eal(&g);
	say_memory(&g);
	say_rings(&g);
	say_kernel(&g);
	say_interrupts(&g);
	bf_gather_devices(NULL, nics, &row->devices, s);
}

int
bf_advise_run(const char *wish_text, bool as_json, struct bf_err *err)
{
	struct bf_out *out = bf_out_create(as_json ? BF_OUT_JSON : BF_OUT_TEXT, 0);
	struct bf_advise_plan *p = calloc(1, sizeof(*p));
	struct bf_machine *m = calloc(1, sizeof(*m));
	struct bf_snapshot s = {.in_full = true};
	struct bf_nics nics = {NULL, 0};
	struct bf_advise_wish wish;
	int ret = bf_advise_wish_parse(&wish, wish_text, err);

	if (out == NULL || p == NULL || m == NULL)
		ret = bf_err_set(err, ENOMEM, "out of memory");
	if (ret == 0) {
		bf_machine_read(wish.root, m);
		ret = bf_nics_read(wish.root, &nics) == 0
			? bf_advise_plan(m, &nics, &wish, p, err)
			: bf_err_set(err, ENOMEM, "out of memory");
	}
	if (ret == 0) {
		advice_gather(m, &nics, p, wish.root, &s);
		bf_render(&bf_advise_table, &s.rows, true, out);
		printf("%s%s", bf_out_data(out, NULL), as_json ? "\n" : "");
	}
	bf_snapshot_fini(&s);
	bf_nics_fini(&nics);
	bf_out_destroy(out);
	free(m);
	free(p);
	return ret;
}
