/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tags of templates.
 *
 * Threads: any (pure functions).
 */
#include <stdlib.h>
#include <string.h>

#include "console/render_parts.h"

#define WIDTH_MAX 200

/* -10, 9.3, x, or nothing. */
static const char *
read_format(const char *p, struct bf_tag *tag)
{
	char *end;

	tag->left = *p == '-';
	tag->width = (int)strtoul(p + tag->left, &end, 10);
	if (*end == '.')
		tag->digits = (int)strtoul(end + 1, &end, 10);
	tag->hex = *end == 'x';
	end += tag->hex;
	return tag->width <= WIDTH_MAX && tag->digits <= 17 ? end : NULL;
}

const char *
bf_tag_read(const char *text, struct bf_tag *tag)
{
	const char *p = text;

	*tag = (struct bf_tag){.kind = BF_TAG_VALUE, .digits = -1};
	if (*p == '#' || *p == '^' || *p == '/') {
		tag->kind = *p == '#' ? BF_TAG_SECTION : *p == '^' ? BF_TAG_INVERTED : BF_TAG_END;
		p++;
	}
	tag->name = p;
	tag->name_len = strcspn(p, ":{}");
	p += tag->name_len;
	if (*p == ':' && tag->kind == BF_TAG_VALUE)
		p = read_format(p + 1, tag);
	return p == NULL || *p != '}' || tag->name_len == 0 ? NULL : p + 1;
}

const char *
bf_tag_section_end(const char *text)
{
	unsigned int depth = 1;
	struct bf_tag tag;

	for (const char *p = strchr(text, '{'); p != NULL; p = strchr(p + 1, '{')) {
		if (bf_tag_read(p + 1, &tag) == NULL)
			return NULL;
		depth += tag.kind == BF_TAG_SECTION || tag.kind == BF_TAG_INVERTED;
		depth -= tag.kind == BF_TAG_END;
		if (depth == 0)
			return p;
	}
	return NULL;
}
