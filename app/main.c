/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondfwd: options, EAL, bridge, console, loop, and the same backwards.
 *
 * Signals are blocked from the first line on and read from a descriptor between the steps and in
 * the loop, so a stop at any moment goes down the same ladder.
 *
 * Threads: main lcore (ctx control); launches the workers.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_version.h>

#include "advise/advise.h"
#include "app.h"
#include "base/clock.h"
#include "base/journal.h"
#include "base/log.h"
#include "base/words.h"
#include "check.h"
#include "commands/commands.h"
#include "commands/pairs.h"
#include "commands/show.h"
#include "commands/words.h"
#include "config/bindings.h"
#include "config/leases.h"
#include "config/negotiations.h"
#include "config/remember.h"
#include "confine.h"
#include "control/compat.h"
#include "control/config/descriptors.h"
#include "control/loop/notify.h"
#include "control/loop/task.h"
#include "control/memory/pools.h"
#include "flight_files.h"
#include "flow_export.h"
#include "http/server.h"
#include "mailbox.h"
#include "options.h"
#include "reconnect.h"
#include "service.h"
#include "telemetry.h"
#include "vhost/mapping.h"

enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2
};

static int signal_fd = -1;
static char **eal_args; /* released at the end */

/* One line in one piece, an error in the journal; what a file or an argument says may hold control bytes. */
static int
error_print(int status, const char *text)
{
	char line[1024];
	size_t len;

	snprintf(
		line, sizeof(line) - 1, "%sbondfwd: %s", bf_journal_is_stderr() ? "<3>" : "", text);
	len = strlen(bf_words_plain(line));
	line[len] = '\n';
	fwrite(line, 1, len + 1, stderr);
	return status;
}

static int
open_signals(void)
{
	/* What tools send without knowing us: their default action would leave the socket behind. */
	static const int harmless[] = {
		SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		signal(harmless[i], SIG_IGN);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		signal(sig, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	bf_mapping_guard();
	bf_descriptors_raise();
	signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return signal_fd;
}

/* What a restart would give, unless that cuts somebody off: then the operator is asked to load. */
static void
config_reload(struct bf_app *app)
{
	struct bf_load how = {.path = app->config_path};
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);
	struct bf_err err = {"out of memory"};

	app->reload = false;
	bf_service_reload_begin();
	if (app->config_path == NULL)
		BF_WARN("config", "reload: expected --config FILE at the start");
	else if (out == NULL || bf_app_load(app, &how, "SIGHUP", out, &err) != 0)
		bf_event(&app->br->events, BF_LOG_ERR, "reload_failed", "config",
			"%s: nothing has changed", err.text);
	else
		BF_NOTICE("config", "reloaded %s", app->config_path);
	bf_service_reload_end();
	bf_out_destroy(out);
}

/* A reload that comes during the start is done when the start is. */
static void
take_signals(struct bf_app *app)
{
	struct signalfd_siginfo si;

	while (read(signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGHUP)
			app->reload = true;
		else
			app->quit = true;
	}
}

static void
on_quit(void *arg)
{
	struct bf_app *app = arg;

	app->quit = true;
}

static int
open_console(struct bf_app *app, const struct bf_options *o, struct bf_err *err)
{
	struct bf_console_config c = {.cmds = app->cmds,
		.app = app,
		.on_quit = on_quit,
		.path = o->console,
		.set_group = o->gid >= 0,
		.group = (gid_t)o->gid};

	app->console = bf_console_open(&c, err);
	if (app->console == NULL)
		return -errno;
	if (o->interactive &&
		bf_console_attach_terminal(app->console, STDIN_FILENO, STDOUT_FILENO, 0, err) != 0)
		return -errno;
	return 0;
}

static int
open_telemetry(struct bf_err *err)
{
	int ret = bf_mailbox_open();

	if (ret == 0)
		ret = bf_telemetry_open();

	return ret == 0 ? 0 : bf_err_set(err, -ret, "telemetry: %s", strerror(-ret));
}

static int
open_metrics(const struct bf_options *o, struct bf_err *err)
{
	gid_t group = (gid_t)o->gid;

	return o->metrics == NULL
		? 0
		: bf_http_open(o->metrics, &o->metrics_at, o->gid >= 0 ? &group : NULL, err);
}

static int
fd_watch(int ep, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

struct loop {
	struct bf_app *app;
	const char *console; /* as of bf_remember_save() */
};

static uint64_t
bridge_tick(void *arg, uint64_t now_ms)
{
	struct loop *l = arg;

	return bf_bridge_tick(l->app->br, now_ms);
}

static uint64_t
export_tick(void *arg, uint64_t now_ms)
{
	struct loop *l = arg;

	return bf_flow_export_tick(l->app->br, now_ms);
}

static uint64_t
remember_tick(void *arg, uint64_t now_ms)
{
	struct loop *l = arg;
	uint64_t next = bf_remember_save(l->console, l->app->br, now_ms);

	next = RTE_MIN(next, bf_leases_save(l->console, l->app->br, now_ms));
	next = RTE_MIN(next, bf_negotiations_save(l->console, l->app->br, now_ms));
	return RTE_MIN(next, bf_bindings_save(l->console, l->app->br, now_ms));
}

static uint64_t
http_tick(void *arg, uint64_t now_ms)
{
	(void)arg;
	return bf_http_tick(now_ms);
}

static uint64_t
flights_tick(void *arg, uint64_t now_ms)
{
	struct loop *l = arg;

	return bf_flight_files_tick(l->app->br, now_ms);
}

static uint64_t
service_tick(void *arg, uint64_t now_ms)
{
	struct loop *l = arg;

	return bf_service_tick(l->app->br, now_ms);
}

static uint64_t
confirm_tick(void *arg, uint64_t now_ms)
{
	struct loop *l = arg;

	return bf_app_confirm_tick(l->app, now_ms);
}

static uint64_t
console_tick(void *arg, uint64_t now_ms)
{
	struct loop *l = arg;
	int timeout_ms = bf_console_timeout_ms(l->app->console, now_ms);

	return timeout_ms < 0 ? BF_TASK_NEVER : now_ms + (unsigned int)timeout_ms;
}

/* What is done before the loop sleeps; what wakes it besides is added to its epoll in run(). */
static const struct bf_task tasks[] = {
	{"bridge", bridge_tick, NULL},
	{"flow-export", export_tick, NULL},
	{"remember", remember_tick, NULL},
	{"flights", flights_tick, NULL},
	{"http", http_tick, NULL},
	{"service", service_tick, NULL},
	{"confirm", confirm_tick, NULL},
	{"console", console_tick, NULL},
};

/* Sleeps unless something is due: the front door's and the EAL's threads share this CPU. */
static int
loop_run(struct bf_app *app, const char *console)
{
	struct loop loop = {.app = app, .console = console};
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev[8];

	if (ep < 0 || fd_watch(ep, signal_fd) != 0 || fd_watch(ep, bf_notify_fd()) != 0 ||
		fd_watch(ep, bf_console_fd(app->console)) != 0 ||
		fd_watch(ep, bf_mailbox_fd()) != 0) {
		error_print(STATUS_FAILED, strerror(errno));
		if (ep >= 0)
			close(ep);
		return STATUS_FAILED;
	}
	while (!app->quit) {
		uint64_t due_ms = bf_tasks_tick(tasks, RTE_DIM(tasks), &loop, bf_clock_ms());
		int timeout = bf_task_timeout_ms(due_ms, bf_clock_ms());

		if (epoll_wait(ep, ev, 8, app->reload ? 0 : timeout) < 0 && errno != EINTR)
			break;
		take_signals(app);
		if (app->reload && !app->quit)
			config_reload(app);
		bf_console_poll(app->console, bf_clock_ms());
		bf_mailbox_serve(app->br);
	}
	close(ep);
	return app->quit ? STATUS_OK : STATUS_FAILED;
}

static unsigned long
count_hugepages(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long total = 0;
	char line[128];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "HugePages_Total:", 16) == 0)
			total = strtoul(line + 16, NULL, 10);
	if (f != NULL)
		fclose(f);
	return total;
}

static bool
is_hugetlbfs_mounted(void)
{
	FILE *f = fopen("/proc/mounts", "r");
	bool is_mounted = false;
	char line[4096];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		is_mounted = is_mounted || strstr(line, " hugetlbfs ") != NULL;
	if (f != NULL)
		fclose(f);
	return is_mounted;
}

static const char *
eal_failure(int argc, char **argv)
{
	bool no_huge = false;

	for (int i = 1; i < argc; i++)
		no_huge = no_huge || strcmp(argv[i], "--no-huge") == 0;
	if (!no_huge && (count_hugepages() == 0 || !is_hugetlbfs_mounted()))
		return "EAL does not start: no hugepages: expected vm.nr_hugepages above 0 and a mounted "
		       "hugetlbfs, or --no-huge with -m MEGABYTES";
	return "EAL does not start: see its messages above";
}

/* A bond of a config file is the same bond after a restart; one of the command line may be any. */
static const char *
console_remembered(const struct bf_options *o)
{
	return o->config_path != NULL ? o->console : NULL;
}

static void
log_warning(void *arg, const char *line)
{
	(void)arg;
	BF_WARN("config", "%s", line);
}

/* From options to a running switch; the caller takes everything down again. */
static int
bring_up(struct bf_app *app, const struct bf_options *o, struct bf_err *err)
{
	struct bf_bridge_options bo = {.fdb_capacity = o->fdb_capacity,
		.gid = o->guest_gid >= 0 ? o->guest_gid : o->gid,
		.console = o->console};
	gid_t group = (gid_t)o->gid;
	int ret;

	if (!bf_compat_has_vhost_fixes())
		BF_WARN("dpdk",
			"%s lacks vhost security fixes: expected 22.11.11, 23.11.6, 24.11.4, "
			"25.11 or newer",
			rte_version());
	app->br = bf_bridge_create(&bo, err);
	if (app->br == NULL)
		return errno == EINVAL ? STATUS_USAGE : STATUS_FAILED;
	if (bf_bond_adopt(o->config, err) != 0)
		return STATUS_USAGE;
	app->base = bf_config_copy(o->config);
	if (app->base == NULL)
		return bf_err_set(err, ENOMEM, "out of memory") != 0 ? STATUS_FAILED : STATUS_OK;
	if (o->config_path != NULL && bf_app_read_on_base(app, o->config_path, o->config, err) != 0)
		return STATUS_USAGE;
	take_signals(app);
	if (app->quit)
		return STATUS_OK;
	if (bf_bridge_start(app->br, err) != 0)
		return STATUS_FAILED;
	bf_remember_load(console_remembered(o), app->br, o->config);
	bf_bindings_load(console_remembered(o), app->br);
	bf_leases_load(console_remembered(o), app->br);
	bf_negotiations_load(console_remembered(o), &app->br->negotiated);
	if (!o->force_reconnect &&
		bf_reconnect_refuse(
			&app->br->negotiated, NULL, o->config, BF_RECONNECT_START, err) != 0)
		return STATUS_USAGE;
	bf_reconnect_faults(&app->br->negotiated, NULL, o->config, BF_RECONNECT_START,
		bf_reconnect_warn, app->br);
	ret = bf_bridge_apply(app->br, o->config, err);
	if (ret != 0)
		return ret == -EINVAL || ret == -ENODEV ? STATUS_USAGE : STATUS_FAILED;
	bf_config_warnings(o->config, log_warning, NULL);
	bf_flight_files_open(o->console, o->gid >= 0 ? &group : NULL);
	if (open_console(app, o, err) != 0 || open_telemetry(err) != 0 || open_metrics(o, err) != 0)
		return STATUS_FAILED;
	if (o->config_path != NULL)
		bf_app_note_saved(app, o->config);
	bf_app_prompt(app);
	BF_NOTICE("main", "bondfwd %s, %s, %u workers: ready", BF_VERSION, rte_version(),
		app->br->lcores.n);
	bf_service_ready();
	return STATUS_OK;
}

/*
 * The EAL with a default of ours in front of what was typed, which therefore wins: net_vhost's library
 * writes some sixty lines for each connection.
 */
static int
eal_start(int argc, char **argv)
{
	static char option[] = "--log-level=lib.vhost.config:error";
	char **args = calloc((size_t)argc + 2, sizeof(*args));
	int ret;

	if (args == NULL)
		return rte_eal_init(argc, argv);
	args[0] = argv[0];
	args[1] = option;
	memcpy(&args[2], &argv[1], (size_t)(argc - 1) * sizeof(*args));
	ret = rte_eal_init(argc + 1, args);
	/* Kept: the EAL remembers arguments by their places. */
	eal_args = args;
	return ret;
}

static int
switch_serve(struct bf_app *app, const struct bf_options *o, int eal_argc, char **argv)
{
	struct bf_err err = {""};
	int status;

	bf_service_starting();
	if (eal_start(eal_argc, argv) < 0)
		return error_print(rte_errno == EINVAL ? STATUS_USAGE : STATUS_FAILED,
			eal_failure(eal_argc, argv));
	bf_confine(o);
	take_signals(app);
	status = app->quit ? STATUS_OK : bring_up(app, o, &err);
	if (status != STATUS_OK)
		error_print(status, err.text);
	else if (!app->quit)
		status = loop_run(app, console_remembered(o));
	bf_service_stopping(err.text[0] != '\0' ? err.text : NULL);
	if (app->br != NULL) {
		bf_bindings_save(console_remembered(o), app->br, UINT64_MAX);
		bf_leases_save(console_remembered(o), app->br, UINT64_MAX);
		bf_negotiations_save(console_remembered(o), app->br, UINT64_MAX);
	}
	bf_app_commit(app);
	bf_mailbox_close();
	bf_http_close();
	bf_flight_files_close(app->br);
	bf_telemetry_close();
	bf_console_close(app->console);
	bf_pools_leave();
	bf_bridge_destroy(app->br);
	/* With a card on vfio-pci the EAL complains of each huge page: a hundred lines behind the reason of a refused start. */
	rte_log_set_level(RTE_LOGTYPE_EAL, RTE_LOG_CRIT);
	rte_eal_cleanup();
	return status;
}

/* Taking every card of the host for nothing is more likely a slip than a wish. */
static bool
has_nothing_to_do(const struct bf_options *o, int eal_argc, char **argv)
{
	for (int i = 1; i < eal_argc; i++)
		if (strstr(argv[i], "net_bonding") != NULL)
			return false;
	return o->config->n_bonds == 0 && o->config->n_guests == 0 && o->config_path == NULL &&
		!o->interactive && !o->has_console;
}

/* The EAL would answer with its usage, a hundred lines of it. */
static int
refuse_misplaced(const char *option)
{
	char text[256];

	snprintf(text, sizeof(text),
		"%s stands among the EAL's options: expected -- before bondfwd's own, as in "
		"bondfwd -l 0,1 -- %s ...",
		option, option);
	return error_print(STATUS_USAGE, text);
}

/*
 * For programs that read: what makes the tables of docs/console.md and docs/metrics.md, and the names that the next
 * release keeps.
 */
static int
help_as_json(struct bf_app *app)
{
	static const char *const commands[] = {
		"help", "help all", "show keys", "show metrics names", "show words"};
	const size_t n = RTE_DIM(commands);
	enum bf_out_status status = BF_OUT_OK;

	/* Behind what commands say come the names in JSON. */
	for (size_t i = 0; i <= n && status == BF_OUT_OK; i++) {
		struct bf_out *out = bf_out_create(BF_OUT_JSON, 0);

		if (out == NULL)
			return error_print(STATUS_FAILED, "out of memory");
		if (i < n)
			status = bf_cmd_run(app->cmds, commands[i], out, app);
		else
			bf_app_json_names(out);
		printf("%s\n", bf_out_data(out, NULL));
		bf_out_destroy(out);
	}
	return status == BF_OUT_OK ? STATUS_OK : STATUS_FAILED;
}

static int
program_start(struct bf_app *app, const struct bf_options *o, int eal_argc, char **argv)
{
	struct bf_err err = {""};
	int status;

	if (o->help) {
		bf_options_usage();
		return STATUS_OK;
	}
	if (o->version) {
		printf("bondfwd %s, %s\n", BF_VERSION, rte_version());
		return STATUS_OK;
	}
	if (o->advise) {
		status = bf_advise_run(o->wish, o->as_json, &err);
		return status == 0
			? STATUS_OK
			: error_print(status == -EINVAL ? STATUS_USAGE : STATUS_FAILED, err.text);
	}
	app->cmds = bf_cmd_set_create(bf_app_groups, bf_app_complete, app, &err);
	if (app->cmds == NULL)
		return error_print(STATUS_FAILED, err.text);
	bf_cmd_set_pairs(app->cmds, bf_app_pairs);
	bf_cmd_set_foreign(app->cmds, bf_app_foreign, bf_app_n_foreign);
	if (o->help_json) {
		status = help_as_json(app);
		bf_cmd_set_destroy(app->cmds);
		return status;
	}
	app->config_path = o->config_path;
	if (o->debug)
		bf_log_set_level(BF_LOG_DEBUG);
	if (!o->check && has_nothing_to_do(o, eal_argc, argv)) {
		bf_cmd_set_destroy(app->cmds);
		return error_print(STATUS_USAGE,
			"nothing to do: expected --bond, --guest, --config FILE, --console PATH or "
			"-i behind --");
	}
	status = o->check ? bf_check_run(app, o, eal_argc, argv)
			  : switch_serve(app, o, eal_argc, argv);
	bf_cmd_set_destroy(app->cmds);
	return status;
}

int
main(int argc, char **argv)
{
	int at = bf_options_start(argc, argv), status;
	struct bf_app *app = calloc(1, sizeof(*app));
	struct bf_options o = {0};
	struct bf_err err = {""};

	bf_journal_open(NULL);
	bf_service_open();
	if (app == NULL || open_signals() < 0) {
		status = error_print(STATUS_FAILED, strerror(errno));
	} else if (at == argc && bf_options_misplaced(argc, argv) != NULL) {
		status = refuse_misplaced(bf_options_misplaced(argc, argv));
	} else if (bf_options_parse(
			   &o, at < argc ? argc - at : 1, &argv[at < argc ? at : 0], &err) != 0) {
		status = error_print(STATUS_USAGE, err.text);
		for (unsigned int i = 0; o.check && i < o.n_more; i++)
			error_print(STATUS_USAGE, o.more[i].text);
	} else {
		status = program_start(app, &o, at > 0 ? at : 1, argv);
	}
	bf_options_fini(&o);
	if (app != NULL)
		free(app->base);
	free(app);
	free(eal_args);
	bf_service_close();
	return status;
}
