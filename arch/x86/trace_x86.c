// SPDX-License-Identifier: GPL-2.0
/*
 * The one place where x86's tracepoints are made.
 */
#define CREATE_TRACE_POINTS
#include "trace_x86.h"
