// A stand-in for a vendored header library.
#pragma once
