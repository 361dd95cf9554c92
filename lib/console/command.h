/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Command grammar: one plain array of commands serves the terminal, the console socket, the
 * command line client and the config file.
 *
 * Syntax of a command, word by word:
 *
 *   word               that word
 *   (a|b|c)            one of these words; see bf_cmd_has_word()
 *   (what:a|b|c)       the same, with a name for bf_cmd_arg()
 *   (port:<port>|all)  an alternative may be an argument
 *   <name>             one argument, any text
 *   <name...>          one or more arguments up to the end of the line; see bf_cmd_rest()
 *   [name...]          zero or more arguments up to the end of the line
 *   [ ... ]            optional part, may be nested
 *
 *   "show port (what:info|stats|xstats|summary) <port>"
 *   "add guest <name> [options...]"
 *   "show fdb [vlan <vlan>] [port <port>]"
 *
 * A line is split at blanks; "double quotes" (with \" and \\) and 'single quotes' keep blanks; a
 * word that starts with # begins a comment.  Words are never abbreviated.  When several commands
 * match, the one with a fixed word further left wins over one with an argument there.
 *
 * Threads: a set may be read from one thread at a time; handlers run in the caller's thread (in
 * bondfwd: ctx control).
 */

#ifndef BF_CONSOLE_COMMAND_H
#define BF_CONSOLE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "console/out.h"

/** Longest line in bytes, without its newline.  The line editor may allow less. */
#define BF_CMD_LINE_MAX 4096

/** Most words of a line. */
#define BF_CMD_WORDS_MAX 256

/** The command ends the session that typed it; on the local terminal it stops the program. */
#define BF_CMD_QUIT (1u << 0)

/** The command may stand in a config file.  For the application; see bf_cmd_find(). */
#define BF_CMD_CONFIG (1u << 1)

struct bf_cmd_set;
struct bf_cmd_match;

/** What a command asks of the terminal that it was typed on. */
struct bf_cmd_request {
	/** Output that is longer than the screen waits; may be changed. */
	bool paging;
	/** Run the command behind `watch` so often; 0: not asked. */
	uint32_t watch_ms;
	/** Run this command again and again, for what is new, until a key is pressed. */
	bool is_following;
	/** The command's own: up to where it has come. */
	uint64_t after;
};

/** What a handler is given. */
struct bf_cmd_ctx {
	/** Where to write.  A command that reports no error there has succeeded. */
	struct bf_out *out;
	/** The pointer given to bf_cmd_run(). */
	void *app;
	/** The command that matched. */
	const struct bf_cmd *cmd;
	/** The set it came from. */
	const struct bf_cmd_set *set;
	/** NULL: not typed on a terminal. */
	struct bf_cmd_request *request;
	/** Internal: words and their names. */
	const struct bf_cmd_match *match;
};

/** A command's handler. */
typedef void bf_cmd_fn(struct bf_cmd_ctx *ctx);

/** One command. */
struct bf_cmd {
	/** See the head of this file. */
	const char *syntax;
	/** One or more lines, no newline at the end. */
	const char *help;
	/** NULL only with BF_CMD_QUIT. */
	bf_cmd_fn *run;
	/** BF_CMD_... */
	unsigned int flags;
};

/** The commands of one topic: one file of the application, one section of the help. */
struct bf_cmd_group {
	/** Short name, as in `help <name>`. */
	const char *name;
	/** One line about the section. */
	const char *help;
	const struct bf_cmd *cmds;
	unsigned int n_cmds;
};

/** The end of a group's initialiser: an array of commands and how many there are. */
#define BF_CMDS(array) (array), sizeof(array) / sizeof((array)[0])

/**
 * Offer one possible value of an argument for completion.
 *
 * @param app
 *   The pointer given to bf_cmd_set_create().
 * @param arg_name
 *   Name between < and > (without dots), or the name of the alternatives it stands in.
 * @param idx
 *   0, 1, 2 ... until the function refuses.
 * @param buf
 *   Gets the value.
 * @param size
 *   At least 64 bytes.
 * @return
 *   0, or -1 when there is no value @p idx.
 */
typedef int bf_complete_fn(
	void *app, const char *arg_name, unsigned int idx, char *buf, size_t size);

/**
 * Compile groups of commands.
 *
 * @param groups
 *   In the order of the help, ended by NULL; the array and everything below it must outlive the
 *   set.
 * @param complete
 *   May be NULL: no values are offered.
 * @param app
 *   For @p complete.
 * @param err
 *   On failure gets one line that names the command and the fault in its syntax.
 * @return
 *   The set; NULL with errno EINVAL (syntax, two commands alike) or ENOMEM.
 */
struct bf_cmd_set *bf_cmd_set_create(const struct bf_cmd_group *const *groups,
	bf_complete_fn *complete, void *app, struct bf_err *err);

/** A key, or a value, that may stand in KEY=VALUE,... */
struct bf_pair_choice {
	char text[96];
	/** One line. */
	char help[256];
	/** Says what may be written, and is not itself it: a range. */
	bool is_hint;
	/** KEY=: the value follows. */
	bool goes_on;
};

/**
 * Offer a key, or a value of a key, for an argument <options...> or <keys...> of a command.
 *
 * @param key
 *   NULL: keys are asked for; else the values of this one.
 * @return
 *   0, or -1 when there is none @p idx.
 */
typedef int bf_pairs_fn(void *app, const struct bf_cmd *cmd, const char *arg_name, const char *key,
	unsigned int idx, struct bf_pair_choice *choice);

/** Let keys and values be completed. */
void bf_cmd_set_pairs(struct bf_cmd_set *set, bf_pairs_fn *pairs);

/** A command of another program, for bf_cmd_set_foreign(). */
struct bf_cmd_foreign {
	/** The other program. */
	const char *of;
	/** First words of the command; from a `<` on, a word may be anything. */
	const char *words;
	/** What does its work here. */
	const char *instead;
};

/**
 * Let lines that match no command, but begin with words of another program, be answered with what
 * does their work here.
 *
 * @param foreign
 *   Must outlive the set.
 */
void bf_cmd_set_foreign(
	struct bf_cmd_set *set, const struct bf_cmd_foreign *foreign, unsigned int n_foreign);

/** Release a set.  NULL is allowed. */
void bf_cmd_set_destroy(struct bf_cmd_set *set);

/**
 * Find a line's command and run it.
 *
 * A blank line or a comment succeeds and does nothing.  A line that does not match becomes one
 * error of status BF_OUT_USAGE that names the offending text and what was expected there.
 * Reentrant: a handler may run further lines.
 *
 * @param line
 *   NUL terminated, at most BF_CMD_LINE_MAX bytes; one newline at its end is allowed.  Control
 *   bytes except tab, and bytes that are no UTF-8, are refused.
 * @param out
 *   Not reset here: status and text add up over several lines.
 * @param app
 *   For the handler.
 * @return
 *   Status of this line.
 */
enum bf_out_status bf_cmd_run(
	const struct bf_cmd_set *set, const char *line, struct bf_out *out, void *app);

/**
 * Find a line's command without running it.
 *
 * @param out
 *   Gets the same error bf_cmd_run() would give.
 * @return
 *   The command; NULL when the line is blank or a comment (no error), or does not match (error).
 */
const struct bf_cmd *bf_cmd_find(
	const struct bf_cmd_set *set, const char *line, struct bf_out *out);

/**
 * Value of a named argument or of named alternatives.
 *
 * @return
 *   The text, quotes removed, valid until the handler returns; NULL when the optional part was
 *   not given or the command has no such name.  For <name...> its first word.
 */
const char *bf_cmd_arg(const struct bf_cmd_ctx *ctx, const char *name);

/** True when the line has this word at a place where the syntax has it as a fixed word. */
bool bf_cmd_has_word(const struct bf_cmd_ctx *ctx, const char *word);

/** The words of the line, one blank between them; cut where @p size ends. */
void bf_cmd_line(const struct bf_cmd_ctx *ctx, char *buf, size_t size);

/** Number of words that fell to <name...> or [name...]. */
unsigned int bf_cmd_rest_count(const struct bf_cmd_ctx *ctx);

/** Word @p idx of those, from 0; NULL beyond the last. */
const char *bf_cmd_rest(const struct bf_cmd_ctx *ctx, unsigned int idx);

/**
 * Handler of the help command; give it the syntax "help [topic...]".
 *
 * Without topic: the list of sections.  With `all` or the name of a section: its commands.  With
 * other words: the commands that begin with them.
 */
void bf_cmd_help(struct bf_cmd_ctx *ctx);

#endif
