// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "dev.h"
#include "param.h"

static const char *param_root = "/sys/module";

/**
 * lodge_param_set_root - read parameters below another folder
 * @path: replaces /sys/module; kept by reference
 */
void lodge_param_set_root(const char *path)
{
	param_root = path;
}

static void param_read(const char *module, const char *name, char *text,
		       size_t size)
{
	char path[256];
	ssize_t len;
	int fd;

	lodge_dev_require();
	snprintf(path, sizeof(path), "%s/%s/parameters/%s", param_root,
		 module, name);
	fd = lodge_dev_open_path(path, O_RDONLY, NULL);
	len = read(fd, text, size - 1);
	lodge_check(len > 0, "cannot read %s", path);
	close(fd);
	text[len] = '\0';
}

/**
 * lodge_param_bool - read a boolean module parameter
 * @module: module name as in sysfs
 * @name:   parameter name
 *
 * Return: the value. A missing parameter skips the case; anything but
 * Y or N in the first byte fails it.
 */
bool lodge_param_bool(const char *module, const char *name)
{
	char text[2];

	param_read(module, name, text, sizeof(text));
	lodge_check(*text == 'Y' || *text == 'N',
		    "%s.%s is '%s', neither Y nor N", module, name, text);
	return *text == 'Y';
}

/**
 * lodge_param_int - read a decimal module parameter
 * @module: module name as in sysfs
 * @name:   parameter name
 *
 * Return: the value. The text must be a number and one newline.
 */
long lodge_param_int(const char *module, const char *name)
{
	char text[64];
	char *end;
	long value;

	param_read(module, name, text, sizeof(text));
	value = strtol(text, &end, 10);
	lodge_check(end != text && !strcmp(end, "\n"),
		    "%s.%s is '%s', not a number and a newline", module, name,
		    text);
	return value;
}
