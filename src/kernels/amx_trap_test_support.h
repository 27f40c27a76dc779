// Runs code with AMX instructions on a processor that has none: each of them raises SIGILL, and the
// handler does in the TileUnit (amx_emulation_test_support.h) what the instruction says. So the
// compiled product itself is tested, with the tiles, addresses and strides that it really has.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include <cstdint>
#include <cstring>

#include "kernels/amx_emulation_test_support.h"

namespace tael {

// An instruction of AMX as it lies in memory: VEX of three bytes, opcode, ModRM (SDM volume
// 2, 2.3).
struct TileInstruction {
  uint8_t opcode = 0;
  int prefix = 0;  // 0: none, 1: 66, 2: F3, 3: F2
  bool memory = false;
  size_t reg = 0, rm = 0, vvvv = 0;
  size_t length = 0;
  // Of a memory operand: base + index * scale + displacement.
  uint64_t base = 0, index = 0, scale = 1;
  int64_t displacement = 0;

  void* address() const {
    return reinterpret_cast<void*>(base + index * scale + static_cast<uint64_t>(displacement));
  }
};

inline uint64_t RegisterOf(const ucontext_t& context, size_t number) {
  static const int kNumbers[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                   REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                   REG_R12, REG_R13, REG_R14, REG_R15};
  return static_cast<uint64_t>(context.uc_mcontext.gregs[kNumbers[number]]);
}

// False: no instruction of AMX.
inline bool DecodeTileInstruction(const ucontext_t& context, TileInstruction* out) {
  const uint8_t* const start = reinterpret_cast<const uint8_t*>(context.uc_mcontext.gregs[REG_RIP]);
  const uint8_t* at = start;
  if (at[0] != 0xc4 || (at[1] & 0x1f) != 2 || (at[2] & 0x84) != 0) return false;  // 0F38, W0, L0
  const size_t high_index = (at[1] & 0x40) == 0 ? 8 : 0, high_base = (at[1] & 0x20) == 0 ? 8 : 0;
  out->vvvv = ~static_cast<size_t>(at[2] >> 3) & 15;
  out->prefix = at[2] & 3;
  out->opcode = at[3];
  if (out->opcode != 0x49 && out->opcode != 0x4b && out->opcode != 0x5c && out->opcode != 0x5e) {
    return false;
  }
  const size_t mod = at[4] >> 6, low = at[4] & 7;
  out->reg = at[4] >> 3 & 7;
  out->rm = low;
  out->memory = mod != 3;
  at += 5;
  if (out->memory) {
    size_t base = low;
    bool has_base = true;
    if (low == 4) {  // SIB
      const uint8_t sib = *at++;
      const size_t index = (sib >> 3 & 7) + high_index;
      if (index != 4) out->index = RegisterOf(context, index);
      out->scale = uint64_t{1} << (sib >> 6);
      base = sib & 7;
      has_base = base != 5 || mod != 0;
    }
    const bool wide = mod == 2 || !has_base || (low == 5 && mod == 0);
    if (wide) {
      int32_t value;
      std::memcpy(&value, at, sizeof(value));
      out->displacement = value;
      at += 4;
    } else if (mod == 1) {
      out->displacement = static_cast<int8_t>(*at++);
    }
    if (low == 5 && mod == 0) {  // from the next instruction on
      out->base = reinterpret_cast<uint64_t>(at);
    } else if (has_base) {
      out->base = RegisterOf(context, base + high_base);
    }
  }
  out->length = static_cast<size_t>(at - start);
  return true;
}

// False: unknown.
inline bool RunTileInstruction(const TileInstruction& i, TileUnit* unit) {
  switch (i.opcode << 4 | i.prefix << 1 | (i.memory ? 1 : 0)) {
    case 0x491:
      unit->Configure(i.address());
      return true;
    case 0x490:
      unit->Release();
      return true;
    case 0x496:
      unit->Zero(i.reg);
      return true;
    case 0x4b7:
      unit->Load(i.reg, reinterpret_cast<void*>(i.base + static_cast<uint64_t>(i.displacement)),
                 i.index * i.scale);
      return true;
    case 0x4b5:
      unit->Store(i.reg, reinterpret_cast<void*>(i.base + static_cast<uint64_t>(i.displacement)),
                  i.index * i.scale);
      return true;
    case 0x5c4:
      unit->MultiplyBf16(i.reg, i.rm, i.vvvv);
      return true;
    case 0x5e6:
      unit->Multiply(i.reg, i.rm, i.vvvv, true, true);
      return true;
    case 0x5e4:
      unit->Multiply(i.reg, i.rm, i.vvvv, true, false);
      return true;
    default:
      return false;
  }
}

// While it lives, this process's AMX instructions are emulated. One at a time.
class TrapTileInstructions {
 public:
  TrapTileInstructions() {
    struct sigaction action = {};
    action.sa_sigaction = OnSignal;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, &Before());
  }
  ~TrapTileInstructions() { sigaction(SIGILL, &Before(), nullptr); }
  TrapTileInstructions(const TrapTileInstructions&) = delete;
  TrapTileInstructions& operator=(const TrapTileInstructions&) = delete;

 private:
  static struct sigaction& Before() {
    static struct sigaction before = {};
    return before;
  }
  static void OnSignal(int, siginfo_t*, void* opaque) {
    ucontext_t* context = static_cast<ucontext_t*>(opaque);
    TileInstruction instruction;
    if (!DecodeTileInstruction(*context, &instruction) ||
        !RunTileInstruction(instruction, &TileUnit::Mine())) {
      sigaction(SIGILL, &Before(), nullptr);  // it comes again, and ends the process
      return;
    }
    context->uc_mcontext.gregs[REG_RIP] += static_cast<greg_t>(instruction.length);
  }
};

}  // namespace tael
