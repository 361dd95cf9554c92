/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondctl doctor: looks for what is wrong with the host, with bondfwd's place on it, with its bonds and guests.
 *
 * Theory of operation.  The host is read from /proc and /sys, below a root that a test may choose.  Of bondfwd
 * it takes what the console's commands say in JSON, and what the kernel says of its process.  Both is gathered
 * once; then each family of faults (its own file) compares.  Nothing is changed.  A fault that can not be looked
 * for is reported as not checked, with the reason.
 *
 * Threads: one.
 */
#ifndef BF_APP_DOCTOR_DOCTOR_H
#define BF_APP_DOCTOR_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include <jansson.h>

#include "ctl/ctl.h"
#include "doctor/report.h"
#include "machine/machine.h"
#include "machine/nics.h"

#define BF_DOCTOR_GROUPS 64
#define BF_DOCTOR_WORKERS 128
#define BF_DOCTOR_MEMBERS 64
#define BF_DOCTOR_WORDS 2048
#define BF_DOCTOR_WORDS_SIZE (256 << 10)

/** How bondctl doctor ends. */
enum bf_doctor_status {
	BF_DOCTOR_GOOD = 0,
	BF_DOCTOR_WARNINGS = 1,
	BF_DOCTOR_PROBLEMS = 2,
	BF_DOCTOR_FAILED = 3, /* or not understood */
};

/** Who may do something. */
struct bf_doctor_user {
	char name[32];
	uid_t uid;
	gid_t groups[BF_DOCTOR_GROUPS];
	unsigned int n_groups;
};

/** The words of a command line. */
struct bf_doctor_words {
	char text[BF_DOCTOR_WORDS_SIZE];
	size_t len;
	const char *at[BF_DOCTOR_WORDS];
	unsigned int n;
	bool is_cut; /* there are more */
};

/** A worker's thread. */
struct bf_doctor_worker {
	unsigned int lcore;
	struct bf_cpuset cpus; /* that it may run on */
};

/** A member that is on PCI. */
struct bf_doctor_member {
	char name[BF_NIC_NAME], bond[32];
	bool is_missing; /* bondfwd runs and has not got it */
	const struct bf_nic *nic; /* NULL: not in this machine */
};

struct bf_doctor {
	const struct bf_ctl_options *opt;
	const char *root; /* "": this machine */
	char config[256]; /* file of commands, "" none is known */
	struct bf_doctor_words
		words; /* that bondfwd was started with, or its service would be; none: not known */
	uint64_t need_mib; /* huge pages that the file asks for; 0: not known */
	struct bf_report report;
	struct bf_machine machine;
	struct bf_nics nics;
	/* bondfwd, as far as it runs */
	bool answers;
	bool is_denied; /* this user may not ask it */
	char why_not[96]; /* it does not */
	pid_t pid; /* 0: it does not answer, or /proc does not show it */
	struct bf_doctor_user user; /* of the process, if pid is not 0 */
	/* What it says: arrays, but for numa and drops. */
	json_t *bonds, *lacp, *lldp, *ports, *modules, *guests, *events, *numa, *drops, *pools;
	/* What the file asks for, if it does not answer: see plan.c. NULL: none of that, or it is not known. */
	json_t *plan_bonds, *plan_groups, *plan_guests;
	bool is_planned; /* bondfwd --check found the file good: that is all of it */
	char dpdk[64]; /* its release, or that which it would load: "DPDK 22.11.11"; "" not known */
	int64_t n_lcores; /* workers that it says it has */
	unsigned int n_workers, n_members;
	struct bf_doctor_worker workers[BF_DOCTOR_WORKERS];
	struct bf_doctor_member members[BF_DOCTOR_MEMBERS];
};

/** Read what is known of bondfwd. */
void bf_doctor_ask(struct bf_doctor *d);

/** What the console says to one more command; json_decref() it. @return NULL: an error */
json_t *bf_doctor_answer(struct bf_doctor *d, const char *line);

/** Errors of the configuration file, what it needs and what it asks for; before what uses that. */
void bf_doctor_config(struct bf_doctor *d);

/** Take a command of the configuration into what the file asks for. */
void bf_doctor_plan_take(struct bf_doctor *d, const char *line);

/** Of a file with an error, take the commands that add members. */
void bf_doctor_plan_read(struct bf_doctor *d);

/** Find the members on PCI: bondfwd's, those of the configuration file, else what is bound to a driver for DPDK. */
void bf_doctor_find_members(struct bf_doctor *d);

/** Holes of DPDK that concern a member. */
void bf_doctor_dpdk(struct bf_doctor *d);

/** What the kernel's logs say was denied. */
void bf_doctor_denials(struct bf_doctor *d);

/** Find the program bondfwd. @return false: it is not installed */
bool bf_doctor_program_find(char *buf, size_t size);

/** Start it. @return what all its output is read from, for bf_doctor_program_end(); NULL with errno */
FILE *bf_doctor_program_start(const char *const *args, pid_t *pid);

/** Wait until it has ended. @return its exit status, -1 it has none */
int bf_doctor_program_end(FILE *f, pid_t pid);

/** Huge pages that are there against those that the file needs; a part of bf_doctor_memory(). */
void bf_doctor_need(struct bf_doctor *d, uint64_t free_kib);

/** Find the words that bondfwd was started with or, if it does not run, those of its service; after the file of that. */
void bf_doctor_words_read(struct bf_doctor *d);

/** Was the process started, or will it be, with this word? */
bool bf_doctor_has_word(const struct bf_doctor *d, const char *word);

/** The file of --config among the words; NULL: there is none. */
const char *bf_doctor_words_config(const struct bf_doctor *d);

/**
 * The options that a configuration file stands on, with their values.
 *
 * @param args
 *   Room for BF_DOCTOR_WORDS.
 * @return
 *   How many words they are.
 */
unsigned int bf_doctor_words_base(const struct bf_doctor *d, const char **args);

/** The same for the EAL's. */
unsigned int bf_doctor_words_eal(const struct bf_doctor *d, const char **args);

/** The configuration file of the service that has bondctl's socket, below the root. */
void bf_doctor_service_config(const struct bf_doctor *d, char *buf, size_t size);

/* One family of faults each. */
void bf_doctor_memory(struct bf_doctor *d);
void bf_doctor_cpu(struct bf_doctor *d);
void bf_doctor_devices(struct bf_doctor *d);
void bf_doctor_bond(struct bf_doctor *d);
void bf_doctor_guests(struct bf_doctor *d);
void bf_doctor_sockets(struct bf_doctor *d);
void bf_doctor_host(struct bf_doctor *d);

/**
 * Look for faults of bondfwd's process.
 *
 * @return
 *   true: the process is there, and each fault of the list is checked.  Otherwise they are skipped, with the reason.
 */
bool bf_doctor_has_process(struct bf_doctor *d, const enum bf_fault *faults, size_t n);

/** The same for what bondfwd says of itself. */
bool bf_doctor_has_answers(struct bf_doctor *d, const enum bf_fault *faults, size_t n);

#define BF_DOCTOR_LIST(list) (list), sizeof(list) / sizeof((list)[0])

/** A limit of the process as /proc/PID/limits names it ("Max open files"). @return UINT64_MAX without a limit; 0 if not known */
uint64_t bf_doctor_limit(const struct bf_doctor *d, const char *name);

/** A field of a file of the kernel with lines "NAME: VALUE". @return false: there is none, and @p buf is "" */
bool bf_doctor_field(
	const struct bf_doctor *d, const char *path, const char *name, char *buf, size_t size);

/** Who a process runs as. @return false: /proc does not show it */
bool bf_doctor_user_of(const struct bf_doctor *d, pid_t pid, struct bf_doctor_user *u);

/** A user of /etc/passwd with its groups. @return false: there is none of that name */
bool bf_doctor_find_user(const struct bf_doctor *d, const char *name, struct bf_doctor_user *u);

/** What a user may not do: "may not pass /run/vhost". */
struct bf_doctor_refusal {
	char text[256];
};

/**
 * May the user do that with a path that exists?  In doubt, yes.
 *
 * @param mode
 *   R_OK, W_OK and X_OK, as of access().
 * @param why
 *   If not, what is refused.
 */
bool bf_doctor_may(const struct bf_doctor *d, const struct bf_doctor_user *u, const char *path,
	int mode, struct bf_doctor_refusal *why);

/* Of JSON: what is not there is "", the fallback, false, an empty array. Numbers may be written as text. */
const char *bf_json_text(const json_t *o, const char *key);
int64_t bf_json_number(const json_t *o, const char *key, int64_t fallback);
bool bf_json_bool(const json_t *o, const char *key);
json_t *bf_json_list(const json_t *o, const char *key);

#endif
