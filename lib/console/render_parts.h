/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the renderers share among themselves.
 *
 * Threads: none of its own.
 */

#ifndef BF_CONSOLE_RENDER_PARTS_H
#define BF_CONSOLE_RENDER_PARTS_H

#include "console/render.h"

#define BF_LE_SIZE 32 /* room for the upper end of a histogram's bin */

void bf_render_json(
	const struct bf_table *t, const struct bf_rows *rows, bool one, struct bf_out *out);
void bf_render_text(const struct bf_table *t, const struct bf_rows *rows, struct bf_out *out);

/** A tag of a template. */
enum bf_tag_kind {
	BF_TAG_VALUE, /* {name} {name:-10} */
	BF_TAG_SECTION, /* {#name} */
	BF_TAG_INVERTED, /* {^name} */
	BF_TAG_END, /* {/name} */
};

struct bf_tag {
	enum bf_tag_kind kind;
	const char *name; /* in the template, not terminated */
	size_t name_len;
	bool left, hex;
	int width, digits; /* digits -1: none are asked for */
};

/**
 * Read a tag.
 *
 * @param text
 *   Behind its {.
 * @return
 *   What follows the tag; NULL when it is not well formed.
 */
const char *bf_tag_read(const char *text, struct bf_tag *tag);

/** The { of the tag that ends the section, from @p text behind the tag that begins it; or NULL. */
const char *bf_tag_section_end(const char *text);

#endif
