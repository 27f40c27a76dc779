// The headers that a table of products needs before the region of its instruction set.
#pragma once

#include "kernels/flushed_float.h"
#include "kernels/isa/standard_headers.h"
#include "kernels/tables.h"
#include "quant/float_bits.h"
#include "quant/fp4.h"
#include "quant/integer_form.h"
#include "quant/iq4.h"
#include "quant/k_quants.h"
#include "quant/legacy.h"
#include "quant/packed_matrix.h"
