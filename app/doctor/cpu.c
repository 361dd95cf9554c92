/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * CPUs: who runs where workers poll, how fast and how awake they are, and the clock.
 *
 * Threads: one.
 */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "machine/sysfs.h"

#define EXIT_LIMIT_US 100 /* of an idle state */
#define IRQ_LIMIT 1000
#define LIST 256

static void
worker_name(const struct bf_doctor_worker *w, char *buf, size_t size)
{
	snprintf(buf, size, "lcore %u", w->lcore);
}

/* The CPU of a worker that has one. -1: it has several */
static int
worker_cpu(const struct bf_doctor_worker *w)
{
	int cpu = -1;

	if (bf_cpuset_count(&w->cpus) == 1)
		for (cpu = 0; !bf_cpuset_has(&w->cpus, (unsigned int)cpu); cpu++)
			;
	return cpu;
}

/* The worker that has this CPU for itself, or NULL. */
static const struct bf_doctor_worker *
worker_on(const struct bf_doctor *d, unsigned int cpu)
{
	for (unsigned int i = 0; i < d->n_workers; i++)
		if (worker_cpu(&d->workers[i]) == (int)cpu)
			return &d->workers[i];
	return NULL;
}

static void
look_at_places(struct bf_doctor *d)
{
	for (unsigned int i = 0; i < d->n_workers; i++) {
		const struct bf_doctor_worker *w = &d->workers[i];
		int cpu = worker_cpu(w);
		char name[32], list[LIST];

		worker_name(w, name, sizeof(name));
		bf_cpuset_text(&w->cpus, list, sizeof(list));
		if (cpu < 0) {
			bf_report_find(&d->report, BF_FAULT_WORKER_FLOATS, name,
				"it may run on CPUs %s, expected one", list);
			continue;
		}
		for (unsigned int k = 0; k < i; k++)
			if (worker_cpu(&d->workers[k]) == cpu)
				bf_report_find(&d->report, BF_FAULT_WORKERS_TOGETHER, name,
					"it runs on CPU %d as lcore %u does, expected a CPU of its own",
					cpu, d->workers[k].lcore);
		if (!bf_cpuset_has(&d->machine.isolated, (unsigned int)cpu))
			bf_report_find(&d->report, BF_FAULT_WORKER_NOT_ISOLATED, name,
				"its CPU %d is not in /sys/devices/system/cpu/isolated", cpu);
	}
}

static void
look_at_siblings(struct bf_doctor *d)
{
	for (unsigned int i = 0; i < d->n_workers; i++) {
		int cpu = worker_cpu(&d->workers[i]);
		struct bf_cpuset core;
		char name[32];

		if (cpu < 0)
			continue;
		worker_name(&d->workers[i], name, sizeof(name));
		bf_machine_siblings(&d->machine, (unsigned int)cpu, &core);
		for (unsigned int k = 0; k < i; k++) {
			int other = worker_cpu(&d->workers[k]);

			if (other >= 0 && other != cpu && bf_cpuset_has(&core, (unsigned int)other))
				bf_report_find(&d->report, BF_FAULT_WORKER_SIBLING, name,
					"its CPU %d is of one core with CPU %d of lcore %u", cpu,
					other, d->workers[k].lcore);
		}
	}
}

struct machine_process {
	struct bf_doctor *d;
	char pid[16], name[32];
	struct bf_cpuset
		everywhere; /* where each of its unnamed threads may run, but for the first one */
	unsigned int n_vcpus, n_unnamed;
};

/* "CPU 0/KVM" and "CPU 1/TCG" are QEMU's, "vcpu0" Cloud Hypervisor's, "fc_vcpu 0" Firecracker's. */
static bool
is_vcpu(const char *comm)
{
	return (strncmp(comm, "CPU ", 4) == 0 && strchr(comm, '/') != NULL) ||
		strncmp(comm, "vcpu", 4) == 0 || strncmp(comm, "fc_vcpu", 7) == 0;
}

static void
vcpu_look(struct bf_doctor *d, const char *name, const struct bf_cpuset *cpus)
{
	struct bf_cpuset core;
	char list[LIST];

	bf_cpuset_text(cpus, list, sizeof(list));
	for (unsigned int i = 0; i < d->n_workers; i++) {
		int cpu = worker_cpu(&d->workers[i]);
		unsigned int lcore = d->workers[i].lcore;

		if (cpu < 0)
			continue;
		if (bf_cpuset_has(cpus, (unsigned int)cpu)) {
			bf_report_find(&d->report, BF_FAULT_WORKER_VCPU, name,
				"it may run on CPUs %.100s, and CPU %d is of lcore %u", list, cpu,
				lcore);
			continue;
		}
		bf_machine_siblings(&d->machine, (unsigned int)cpu, &core);
		for (unsigned int c = 0; c < d->machine.n_cpus; c++)
			if (bf_cpuset_has(&core, c) && bf_cpuset_has(cpus, c) &&
				bf_cpuset_count(cpus) <= 2)
				bf_report_find(&d->report, BF_FAULT_WORKER_SIBLING, name,
					"its CPU %u is of one core with CPU %d of lcore %u", c, cpu,
					lcore);
	}
}

/* Without -name debug-threads=on all threads of QEMU are called as the process is. */
static void
unnamed_take(struct machine_process *p, const struct bf_cpuset *cpus)
{
	if (p->n_unnamed++ == 0)
		p->everywhere = *cpus;
	for (unsigned int c = 0; c < BF_CPUS_MAX; c++)
		if (!bf_cpuset_has(cpus, c))
			bf_cpuset_remove(&p->everywhere, c);
}

static bool
thread_take(void *arg, const char *tid)
{
	struct machine_process *p = arg;
	struct bf_doctor *d = p->d;
	struct bf_cpuset cpus = {{0}};
	char comm[32], path[96], list[1024], name[96];

	bf_sysfs_text(d->root, comm, sizeof(comm), "/proc/%s/task/%.16s/comm", p->pid, tid);
	snprintf(path, sizeof(path), "/proc/%s/task/%.16s/status", p->pid, tid);
	if (!bf_doctor_field(d, path, "Cpus_allowed_list", list, sizeof(list)) ||
		bf_cpuset_parse(&cpus, list) != 0)
		return true;
	if (is_vcpu(comm)) {
		snprintf(name, sizeof(name), "%s %s, %s", p->name, p->pid, comm);
		vcpu_look(d, name, &cpus);
		p->n_vcpus++;
	} else if (strcmp(comm, p->name) == 0 && strcmp(tid, p->pid) != 0) {
		unnamed_take(p, &cpus);
	}
	return true;
}

static bool
process_take(void *arg, const char *pid)
{
	struct machine_process p = {.d = arg};
	char name[96];

	if (!isdigit((unsigned char)pid[0]))
		return true;
	snprintf(p.pid, sizeof(p.pid), "%.15s", pid);
	bf_sysfs_text(p.d->root, p.name, sizeof(p.name), "/proc/%s/comm", p.pid);
	if (strncmp(p.name, "qemu", 4) == 0 || strncmp(p.name, "cloud-hyper", 11) == 0 ||
		strncmp(p.name, "firecracker", 11) == 0 || strncmp(p.name, "CPU ", 4) == 0 ||
		strcmp(p.name, "kvm") == 0)
		bf_sysfs_entries(p.d->root, thread_take, &p, "/proc/%s/task", p.pid);
	if (p.n_vcpus == 0 && p.n_unnamed > 0) {
		snprintf(name, sizeof(name), "%s %s, all threads", p.name, p.pid);
		vcpu_look(p.d, name, &p.everywhere);
	}
	return true;
}

/* Columns of /proc/interrupts. */
struct interrupts {
	struct bf_doctor *d;
	uint64_t limit;
	unsigned int n_cpus;
	unsigned int cpu[BF_CPUS_MAX];
};

static void
columns_take(struct interrupts *t, const char *line)
{
	for (const char *at = line; (at = strstr(at, "CPU")) != NULL && t->n_cpus < BF_CPUS_MAX;)
		t->cpu[t->n_cpus++] = (unsigned int)strtoul(at += 3, NULL, 10);
}

/* Where it goes now, if the kernel says that: what came before it was sent elsewhere is over. */
static bool
may_come(const struct bf_doctor *d, const char *irq, unsigned int cpu)
{
	char list[LIST];
	struct bf_cpuset cpus;

	if (bf_sysfs_text(d->root, list, sizeof(list), "/proc/irq/%s/effective_affinity_list",
		    irq) != 0 ||
		list[0] == '\0' || bf_cpuset_parse(&cpus, list) != 0)
		return true;
	return bf_cpuset_has(&cpus, cpu);
}

/* "           CPU0       CPU1", then " 24:      12345          0   IO-APIC  ...". Without a number: the CPU's own. */
static bool
interrupt_take(void *arg, const char *line)
{
	struct interrupts *t = arg;
	char irq[16], *end;
	const char *at;

	if (t->n_cpus == 0)
		columns_take(t, line);
	if (sscanf(line, " %15[0-9]:", irq) != 1 || strchr(line, ':') == NULL)
		return true;
	at = strchr(line, ':') + 1;
	for (unsigned int i = 0; i < t->n_cpus; i++) {
		uint64_t count = strtoull(at, &end, 10);
		const struct bf_doctor_worker *w = worker_on(t->d, t->cpu[i]);

		at = end;
		if (w != NULL && count > t->limit && may_come(t->d, irq, t->cpu[i]))
			bf_report_find(&t->d->report, BF_FAULT_WORKER_IRQ, irq,
				"interrupt %s came %" PRIu64 " times to CPU %u of lcore %u: %.60s",
				irq, count, t->cpu[i], w->lcore, at + strspn(at, " \t0123456789"));
	}
	return true;
}

/* More than one a second since the machine was started. */
static void
look_at_interrupts(struct bf_doctor *d)
{
	struct interrupts t = {.d = d};
	char uptime[64];

	bf_sysfs_text(d->root, uptime, sizeof(uptime), "/proc/uptime");
	t.limit = strtoull(uptime, NULL, 10);
	t.limit = t.limit < IRQ_LIMIT ? IRQ_LIMIT : t.limit;
	bf_sysfs_lines(d->root, interrupt_take, &t, "/proc/interrupts");
}

static bool
irqbalance_take(void *arg, const char *pid)
{
	struct machine_process *p = arg;
	char comm[32];

	if (!isdigit((unsigned char)pid[0]))
		return true;
	bf_sysfs_text(p->d->root, comm, sizeof(comm), "/proc/%.15s/comm", pid);
	if (strcmp(comm, "irqbalance") != 0)
		return true;
	snprintf(p->pid, sizeof(p->pid), "%.15s", pid);
	return false;
}

/* "fc0,00000001": hexadecimal digits of four CPUs each, the lowest ones last. */
static void
mask_take(struct bf_cpuset *cpus, const char *text, size_t len)
{
	for (unsigned int cpu = 0; len > 0; len--) {
		char digit[2] = {text[len - 1], '\0'};
		unsigned long bits = strtoul(digit, NULL, 16);

		if (!isxdigit((unsigned char)digit[0]))
			continue;
		for (unsigned int i = 0; i < 4; i++, cpu++)
			if ((bits >> i & 1) != 0 && cpu < BF_CPUS_MAX)
				bf_cpuset_add(cpus, cpu);
	}
}

static bool
ban_take(void *arg, const char *line)
{
	struct bf_cpuset *banned = arg, some = {{0}};
	char list[LIST] = "";

	if (sscanf(line, "IRQBALANCE_BANNED_CPULIST=%*1[\"']%255[0-9,-]", list) != 1)
		sscanf(line, "IRQBALANCE_BANNED_CPULIST=%255[0-9,-]", list);
	if (list[0] != '\0' && bf_cpuset_parse(&some, list) == 0)
		*banned = some;
	if (sscanf(line, "IRQBALANCE_BANNED_CPUS=%*1[\"']%255[0-9a-fA-F,]", list) == 1 ||
		sscanf(line, "IRQBALANCE_BANNED_CPUS=%255[0-9a-fA-F,]", list) == 1)
		mask_take(banned, list, strlen(list));
	return true;
}

/* It leaves isolated CPUs alone by itself. */
static void
look_at_irqbalance(struct bf_doctor *d)
{
	struct machine_process p = {.d = d};
	struct bf_cpuset banned = {{0}};

	bf_sysfs_entries(d->root, irqbalance_take, &p, "/proc");
	bf_sysfs_lines(d->root, ban_take, &banned, "/etc/default/irqbalance");
	for (unsigned int i = 0; i < d->n_workers && p.pid[0] != '\0'; i++) {
		int cpu = worker_cpu(&d->workers[i]);

		if (cpu < 0 || bf_cpuset_has(&d->machine.isolated, (unsigned int)cpu) ||
			bf_cpuset_has(&banned, (unsigned int)cpu))
			continue;
		bf_report_find(&d->report, BF_FAULT_IRQBALANCE, "irqbalance",
			"process %s may use CPU %d, which is of lcore %u", p.pid, cpu,
			d->workers[i].lcore);
		break;
	}
}

/* CPUs that matter: those of workers, or all of them before bondfwd runs. */
static bool
is_of_interest(const struct bf_doctor *d, unsigned int cpu)
{
	return bf_cpuset_has(&d->machine.online, cpu) &&
		(d->n_workers == 0 || worker_on(d, cpu) != NULL);
}

static void
look_at_governor(struct bf_doctor *d)
{
	unsigned int n = 0, first = 0;
	bool is_known = false;
	char governor[32], slow[32] = "", name[16];

	for (unsigned int cpu = 0; cpu < d->machine.n_cpus; cpu++) {
		if (!is_of_interest(d, cpu) ||
			bf_sysfs_text(d->root, governor, sizeof(governor),
				"/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", cpu) != 0)
			continue;
		is_known = true;
		if (strcmp(governor, "performance") == 0 || n++ > 0)
			continue;
		first = cpu;
		snprintf(slow, sizeof(slow), "%s", governor);
	}
	if (!is_known) {
		bf_report_skip(&d->report, BF_FAULT_GOVERNOR,
			"the kernel does not set the CPUs' frequency");
		return;
	}
	bf_report_check(&d->report, BF_FAULT_GOVERNOR);
	snprintf(name, sizeof(name), "CPU %u", first);
	if (n > 0)
		bf_report_find(&d->report, BF_FAULT_GOVERNOR, name,
			"its governor is %s, expected performance%s", slow,
			n > 1 ? "; others too" : "");
}

/* A limit that some program holds: microseconds in binary. */
static int32_t
latency_limit(const struct bf_doctor *d)
{
	char path[PATH_MAX];
	int32_t us = INT32_MAX;
	int fd;

	snprintf(path, sizeof(path), "%s/dev/cpu_dma_latency", d->root);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return INT32_MAX;
	if (read(fd, &us, sizeof(us)) != sizeof(us))
		us = INT32_MAX;
	(void)close(fd);
	return us;
}

struct idling {
	const struct bf_doctor *d;
	unsigned int cpu;
	int64_t longest_us;
	bool is_known;
	char state[32];
};

static bool
state_take(void *arg, const char *state)
{
	struct idling *i = arg;
	const char *root = i->d->root;
	int64_t us = bf_sysfs_number(
		root, -1, "/sys/devices/system/cpu/cpu%u/cpuidle/%.16s/latency", i->cpu, state);

	i->is_known = i->is_known || us >= 0;
	if (us <= i->longest_us ||
		bf_sysfs_number(root, 0, "/sys/devices/system/cpu/cpu%u/cpuidle/%.16s/disable",
			i->cpu, state) != 0)
		return true;
	i->longest_us = us;
	bf_sysfs_text(root, i->state, sizeof(i->state),
		"/sys/devices/system/cpu/cpu%u/cpuidle/%.16s/name", i->cpu, state);
	return true;
}

/* Workers that never sleep keep their CPUs awake. */
static bool
workers_poll(struct bf_doctor *d)
{
	json_t *lcores = d->answers ? bf_doctor_answer(d, "show lcore") : NULL, *l;
	bool do_poll = json_array_size(lcores) > 0;
	size_t i;

	for (i = 0; (l = json_array_get(lcores, i)) != NULL; i++)
		do_poll = do_poll && bf_json_number(l, "sleeps", 1) == 0;
	json_decref(lcores);
	return do_poll;
}

static void
look_at_idle(struct bf_doctor *d)
{
	struct idling i = {.d = d};
	unsigned int worst = 0;
	char name[16];

	if (workers_poll(d)) {
		bf_report_skip(&d->report, BF_FAULT_C_STATES,
			"workers poll, so that their CPUs are never idle");
		return;
	}

	for (unsigned int cpu = 0; cpu < d->machine.n_cpus; cpu++) {
		int64_t before = i.longest_us;

		if (!is_of_interest(d, cpu))
			continue;
		i.cpu = cpu;
		bf_sysfs_entries(
			d->root, state_take, &i, "/sys/devices/system/cpu/cpu%u/cpuidle", cpu);
		worst = i.longest_us > before ? cpu : worst;
	}
	if (!i.is_known) {
		bf_report_skip(
			&d->report, BF_FAULT_C_STATES, "the kernel does not set idle states");
		return;
	}
	bf_report_check(&d->report, BF_FAULT_C_STATES);
	snprintf(name, sizeof(name), "CPU %u", worst);
	if (i.longest_us > EXIT_LIMIT_US && latency_limit(d) > EXIT_LIMIT_US)
		bf_report_find(&d->report, BF_FAULT_C_STATES, name,
			"its idle state %s takes %" PRId64 " us to leave, expected at most %d us",
			i.state, i.longest_us, EXIT_LIMIT_US);
}

static void
look_at_clock(struct bf_doctor *d)
{
	static const char *const slow[] = {"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"};
	char name[64];

	if (bf_sysfs_text(d->root, name, sizeof(name),
		    "/sys/devices/system/clocksource/clocksource0/current_clocksource") != 0) {
		bf_report_skip(
			&d->report, BF_FAULT_CLOCK_SOURCE, "the kernel does not name its clock");
		return;
	}
	bf_report_check(&d->report, BF_FAULT_CLOCK_SOURCE);
	for (unsigned int i = 0; i < sizeof(slow) / sizeof(slow[0]); i++)
		if (strcmp(name, slow[i]) == 0)
			bf_report_find(&d->report, BF_FAULT_CLOCK_SOURCE, "host",
				"the clock source is %s, expected tsc", name);
}

void
bf_doctor_cpu(struct bf_doctor *d)
{
	static const enum bf_fault process[] = {BF_FAULT_WORKER_FLOATS, BF_FAULT_WORKERS_TOGETHER,
		BF_FAULT_WORKER_NOT_ISOLATED, BF_FAULT_WORKER_SIBLING, BF_FAULT_WORKER_VCPU,
		BF_FAULT_WORKER_IRQ, BF_FAULT_IRQBALANCE};

	if (bf_doctor_has_process(d, BF_DOCTOR_LIST(process))) {
		look_at_places(d);
		look_at_siblings(d);
		bf_sysfs_entries(d->root, process_take, d, "/proc");
		look_at_interrupts(d);
		look_at_irqbalance(d);
	}
	look_at_governor(d);
	look_at_idle(d);
	look_at_clock(d);
}
