import pytest

from factory.kernels import dryrun

# Of CUDA 13.0.88, shortened: include directories, and what the steps are told of warnings.
TWO_PASSES = """\
warning: something that is not of the dry run
#$ _NVVM_BRANCH_=nvvm
#$ _SPACE_=\x20
#$ TOP=/cuda/bin/..
#$ PATH=/cuda/bin/../nvvm/bin:/cuda/bin:/usr/bin
#$ INCLUDES="-I/cuda/bin/../targets/x86_64-linux/include"
#$ PTXAS_FLAGS=
#$ "/usr/bin"/aarch64-linux-gnu-g++ -std=c++17 -D__CUDA_ARCH_LIST__=800,900 -E -x c++ -D__CUDACC__ "a b.cu" -o "/k/a.ii"
#$ cudafe++ --c++17 --gen_c_file_name "/k/a.compute_90.cudafe1.cpp" --stub_file_name "a.compute_90.cudafe1.stub.c" \
--gen_module_id_file --module_id_file_name "/k/a.module_id" "/k/a.ii"
#$ "/usr/bin"/aarch64-linux-gnu-g++ -D__CUDA_ARCH__=800 -D__CUDA_ARCH_LIST__=800,900 -E -x c++ "a b.cu" -o "/k/a.80.ii"
#$ "$CICC_PATH/cicc" -arch compute_80 --stub_file_name "/k/a.compute_80.cudafe1.stub.c" "/k/a.80.ii" -o "/k/a.ptx"
#$ ptxas -arch=sm_80 -m64 "/k/a.compute_80.ptx" -o "/k/a.compute_80.cubin"
#$ fatbinary --create="/k/a.fatbin" -64 "--image3=kind=elf,sm=80,file=/k/a.cubin" --embedded-fatbin="/k/a.fatbin.c"
#$ "/usr/bin"/aarch64-linux-gnu-g++ -D__CUDA_ARCH__=900 -D__CUDA_ARCH_LIST__=800,900 -c -x c++ -fPIC \
"/k/a.compute_90.cudafe1.cpp" -o "/k/unit.o"
"""


def test_only_the_host_code_s_own_steps_are_taken_and_said_as_a_shell_would_run_them() -> None:
    found = dryrun.read(TWO_PASSES)
    assert found.path == "/cuda/bin/../nvvm/bin:/cuda/bin:/usr/bin"
    assert (found.stub, found.fatbin) == ("a.compute_90.cudafe1.stub.c", "/k/a.fatbin.c")
    assert [command[0] for command in found.commands] == [
        "/usr/bin/aarch64-linux-gnu-g++",
        "cudafe++",
        "/usr/bin/aarch64-linux-gnu-g++",
    ]
    assert [command[-3:] for command in found.commands] == [
        ("a b.cu", "-o", "/k/a.ii"),
        ("--module_id_file_name", "/k/a.module_id", "/k/a.ii"),
        ("/k/a.compute_90.cudafe1.cpp", "-o", "/k/unit.o"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("#$ PATH=", "#$ WAY="),
        ("#$ cudafe++ ", "#$ cudafe "),
        ('--stub_file_name "a.', '--stubs "a.'),
        ("--embedded-fatbin=", "--embedded="),
        ("-c -x c++ -fPIC", "-S -x c++ -fPIC"),
        ("-D__CUDA_ARCH__=800", "-D__CUDA_ARCH_IS__=800"),
        (TWO_PASSES, "nvcc fatal   : Unsupported gpu architecture 'compute_80'"),
    ],
)
def test_an_nvcc_that_goes_another_way_is_refused(before: str, after: str) -> None:
    assert before in TWO_PASSES
    with pytest.raises(ValueError, match="other steps"):
        dryrun.read(TWO_PASSES.replace(before, after))
