/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the program's parts share: the bridge, the console, the wish to stop.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_H
#define BF_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "console/command.h"
#include "console/server.h"
#include "control/bridge.h"
#include "control/observe/stats.h"
#include "control/snapshot/port_ref.h"

/** What the command line made: a config file that makes the same again replaces it. */
struct bf_app_yields {
	bool bonds[BF_MAX_BONDS]; /* by their place in the base */
	bool guests[BF_MAX_GUESTS]; /* likewise */
	bool groups[BF_MAX_GROUPS];
};

struct bf_app {
	struct bf_bridge *br; /* NULL under --check */
	struct bf_config *candidate; /* commands change this instead of the running state */
	/* What the command line says: the file of --config is read on top of it. */
	struct bf_config *base;
	struct bf_app_yields *yields; /* while such a file is read, else NULL */
	uint64_t saved; /* hash of what base and file gave when last read or written, 0: no file */
	struct bf_cmd_set *cmds;
	struct bf_console *console;
	const char *config_path; /* --config, for SIGHUP; NULL without */
	bool quit;
	bool reload; /* SIGHUP came */
	struct bf_config *fallback; /* taken back when `commit` does not come in time */
	uint64_t fallback_ms;
	bool fallback_failed; /* to take it back; it is tried again */
};

/**
 * Find ports by id, name, or "all".
 *
 * @param refs
 *   Room for BF_MAX_PORT_IDS.
 * @return
 *   How many; 0 after an error was written to @p out.
 */
unsigned int bf_app_ports(
	struct bf_app *app, const char *text, struct bf_port_ref *refs, struct bf_out *out);

/** Change a config: the candidate, or a copy of the running one that is then applied. */
typedef int bf_app_edit_fn(struct bf_config *c, const struct bf_cmd_ctx *ctx, struct bf_err *err);
void bf_app_change(struct bf_cmd_ctx *ctx, bf_app_edit_fn *edit);

/** A command that is one edit. */
#define BF_CMD_CHANGE(name, edit) \
	static void name(struct bf_cmd_ctx *ctx) \
	{ \
		bf_app_change(ctx, edit); \
	}

/**
 * Take the last change back at @p deadline_ms unless bf_app_commit() comes before.
 *
 * ctx control. It cannot fail: the copy is made before anything is changed.
 *
 * @param before
 *   The configuration to go back to, on the heap; it is app's from now on.
 */
void bf_app_confirm(struct bf_app *app, struct bf_config *before, uint64_t deadline_ms);
/** @return false when nothing waits for it. */
bool bf_app_commit(struct bf_app *app);
/** Take back what nobody committed. @return absolute ms when there is something to do, BF_TASK_NEVER. */
uint64_t bf_app_confirm_tick(struct bf_app *app, uint64_t now_ms);

/** The uplink of a running bond, by the bond's name or port id; NULL after an error to @p out. */
struct bf_uplink *bf_app_uplink(struct bf_app *app, const char *name, struct bf_out *out);

/** The bond of a config, by name or port id; an error when there is none of this name. */
struct bf_bond_config *bf_app_bond(
	const struct bf_app *app, struct bf_config *c, const char *name, struct bf_err *err);

/** Report a failed call: bad input as usage, the rest as failure. */
void bf_app_error(struct bf_out *out, int ret, const struct bf_err *err);

/**
 * Feed a config file to a candidate.
 *
 * @return 0, or -errno with `file:line: what: expected what`.
 */
int bf_app_read_config(
	struct bf_app *app, const char *path, struct bf_config *c, struct bf_err *err);

/** The same for a file that stands on what @p c holds already: what it makes again replaces that. */
int bf_app_read_on_base(
	struct bf_app *app, const char *path, struct bf_config *c, struct bf_err *err);

/** Read a file for --check: what is wrong with it, each of its lines, goes to @p cb. */
void bf_app_check_file(struct bf_app *app, const char *path, struct bf_config *c,
	bf_config_fault_cb *cb, void *arg);

/** How a file becomes the configuration. */
struct bf_load {
	const char *path;
	bool merge; /* its lines run on top of what is in force */
	bool force; /* also when it removes the bond or cuts a guest that is connected */
	uint64_t confirm_s; /* not 0: the same, and it goes back unless committed in time */
};

/**
 * The configuration that a file asks for: its lines on top of nothing, of the command line's
 * (the file of --config), or of what is in force (merge).
 *
 * @return on the heap; NULL with errno and the reason.
 */
struct bf_config *bf_app_wanted(
	struct bf_app *app, const char *path, bool merge, struct bf_err *err);

/** What a restart would give: the file of --config, else the command line. @return on the heap; NULL with errno */
struct bf_config *bf_app_written(struct bf_app *app, struct bf_err *err);

/**
 * Load a config file and apply it as a whole; what changes is written to @p out.
 *
 * @param who
 *   For the event.
 * @return
 *   0, or -errno with the reason; -EPERM: it would cut something and neither force nor confirm
 *   was said. Then nothing has changed.
 */
int bf_app_load(struct bf_app *app, const struct bf_load *how, const char *who, struct bf_out *out,
	struct bf_err *err);

/** Is this the file of --config, by whatever path? */
bool bf_app_is_config_file(const struct bf_app *app, const char *path);
/** True while the running configuration is not what the file of --config gives. */
bool bf_app_is_unsaved(const struct bf_app *app);
/** The file of --config gives @p c now. */
void bf_app_note_saved(struct bf_app *app, const struct bf_config *c);

/** Let the prompt say whether a restart would lose something; after every change. */
void bf_app_prompt(struct bf_app *app);

/**
 * Refuse a change of a guest that would cut its front end.
 *
 * @return
 *   0, or -EPERM with the reason; 0 while a file is read, which has a guard of its own.
 */
int bf_app_refuse_cut(
	const struct bf_app *app, const struct bf_guest_config *to, struct bf_err *err);
/** Whether the command's last word is `force`, behind others. */
bool bf_app_takes_force(const struct bf_cmd_ctx *ctx);

/** Note who changed what, for `show events`. */
void bf_app_audit(struct bf_app *app, const char *who, const char *what);
/** Who runs the present command: the terminal, or a client with its process. */
void bf_app_who(const struct bf_app *app, char *buf, size_t size);
/** The same for a command, with its line as what was done. */
void bf_app_audit_cmd(struct bf_cmd_ctx *ctx);

/** Values that complete an argument on the console. */
int bf_app_complete(void *arg, const char *name, unsigned int idx, char *buf, size_t size);

#endif
