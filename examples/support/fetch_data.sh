#!/usr/bin/env bash
# Downloads the public data sets that the examples can read, and checks them. Usage: fetch_data.sh FOLDER
#
# What is there already is left alone, a broken download goes on where it stopped, and what cannot be had is named
# and left out: then the script ends with 1.
set -uo pipefail
mkdir -p "$1" && cd "$1" || exit
missing=()

cat <<'TEXT'
Up to 360 MB to download, 280 MB to keep; each, in MB:
  mnist                   handwritten digits         12 ->  12   CC BY-SA 3.0   LeCun, Cortes, Burges
  binarized_mnist         the same, in two values   110 ->   3   CC BY-SA 3.0   the same; binarized by Larochelle
  fashion-mnist           clothes                    31 ->  31   MIT            Zalando
  cifar-10-batches-bin    small photographs         170 -> 184   for research   Krizhevsky
  fsdd                    spoken digits              16 ->  15   CC BY-SA 4.0   Jackson and others
  text                    Shakespeare, names          1 ->   1   public domain  as edited by Karpathy
  wikitext-2              Wikipedia's articles        4 ->  13   CC BY-SA 3.0   Merity and others
  uci                     small tables                2 ->   2   CC BY 4.0      UCI Machine Learning Repository
  made                    mushrooms, genes, words   ~10 ->  10   CC BY 4.0      UCI; binarized by Germain, without a licence
TEXT

download() {  # URL FILE; a part of the file may be there from last time
  mkdir -p "$(dirname "$2")" && echo "$1"
  curl --fail --location --retry 3 --continue-at - --progress-bar --output "$2" "$1"
}
has_md5() {  # MD5 FILE: of what is in the file, packed or not
  [[ -f $2 && $(gzip --decompress --stdout --force "$2" | md5sum) == "$1  -" ]]
}

# A file: MD5 of its content, name, address (with a / at the end: of its folder). It is packed if its name ends in .gz.
file() {
  local md5=$1 file=$2 url=$3 part=$2.part
  [[ $url == */ ]] && url+=${file##*/}
  has_md5 "$md5" "$file" && return
  download "$url" "$part" || { missing+=("$file"); return; }
  has_md5 "$md5" "$part" || { missing+=("$file (wrong checksum)"); rm "$part"; return; }
  if [[ $file == *.gz && $url != *.gz ]]; then gzip --no-name <"$part" >"$file" && rm "$part"; else mv "$part" "$file"; fi
}

# A folder that comes as one archive: its name, MD5 of the archive, address, and the command that unpacks it.
archive() {
  local folder=$1 md5=$2 url=$3 part=$1.part
  [[ -d $folder ]] && return
  download "$url" "$part" || { missing+=("$folder"); return; }
  if [[ $(md5sum <"$part") == "$md5  -" ]]; then
    mkdir -p .unpacked && (cd .unpacked && "${@:4}" "../$part") && mv ".unpacked/$folder" . || missing+=("$folder")
  else
    missing+=("$folder (wrong checksum)")
  fi
  rm -rf "$part" .unpacked
}

# One commit of a git repository, which git checks against its name: a folder for it, the commit, address.
fetch_commit() {
  mkdir -p "$(dirname "$1")" && echo "$3"
  git init --quiet --bare "$1" && git -C "$1" fetch --quiet --depth 1 "$3" "$2"
}

# A folder of a git repository, packed: name of the archive, commit, address.
git_folder() {
  local archive=$1 commit=$2 url=$3 folder
  folder=$(basename "$archive" .tar.gz)
  [[ -f $archive ]] && return
  fetch_commit "$archive.git" "$commit" "$url" &&
    git -C "$archive.git" archive --output="$PWD/$archive" "$commit" "$folder" || missing+=("$archive")
  rm -rf "$archive.git"
}

# The tables of the MADE paper: commit, address. There each is an .npz, a zip of the three .npy files that are kept here.
made_tables() {
  local commit=$1 url=$2 repository=made/repository.git set split file
  [[ $(ls made/{mushrooms,dna,nips}_{train,valid,test}.npy 2>/dev/null | wc -l) == 9 ]] && return
  fetch_commit "$repository" "$commit" "$url"
  for set in mushrooms dna nips; do
    git -C "$repository" show "$commit:datasets/$set.npz" >made/part.npz 2>/dev/null
    for split in train valid test; do
      file=made/${set}_$split.npy
      unzip -p made/part.npz "${split}_data.npy" >made/part 2>/dev/null && mv made/part "$file" || missing+=("$file")
    done
  done
  rm -rf "$repository" made/part made/part.npz
}

while read -r kind arguments; do
  [[ -z $kind ]] || $kind $arguments
done <<'LIST'
file 6bbc9ace898e44ae57da46a324031adb mnist/train-images-idx3-ubyte.gz https://ossci-datasets.s3.amazonaws.com/mnist/
file a25bea736e30d166cdddb491f175f624 mnist/train-labels-idx1-ubyte.gz https://ossci-datasets.s3.amazonaws.com/mnist/
file 2646ac647ad5339dbf082846283269ea mnist/t10k-images-idx3-ubyte.gz https://ossci-datasets.s3.amazonaws.com/mnist/
file 27ae3e4e09519cfbb04c329615203637 mnist/t10k-labels-idx1-ubyte.gz https://ossci-datasets.s3.amazonaws.com/mnist/

file f4a8712d7a061bf5bd6d2ca38dc4d50a fashion-mnist/train-images-idx3-ubyte.gz http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/
file 9018921c3c673c538a1fc5bad174d6f9 fashion-mnist/train-labels-idx1-ubyte.gz http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/
file 8181f5470baa50b63fa0f6fddb340f0a fashion-mnist/t10k-images-idx3-ubyte.gz http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/
file 15d484375f8d13e6eb1aabb0c3f46965 fashion-mnist/t10k-labels-idx1-ubyte.gz http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/

file db28b1a6ae0fe70cbd3da91acf46e477 binarized_mnist/binarized_mnist_train.amat.gz http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/binarized_mnist_train.amat
file bf37822a04e94123630de6a7dfd9c9ef binarized_mnist/binarized_mnist_valid.amat.gz http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/binarized_mnist_valid.amat
file 14e41ae11040adba6ab8cb291eda0dd8 binarized_mnist/binarized_mnist_test.amat.gz http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/binarized_mnist_test.amat

archive cifar-10-batches-bin c32a1d4ab5d03f1284b67883e8d87530 https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz tar -xzf
archive wikitext-2 542ccefacc6c27f945fb54453812b3cd https://wikitext.smerity.com/wikitext-2-v1.zip unzip -q
git_folder fsdd/recordings.tar.gz 26eb9aaf76e81b692f806f9140c2d2777410d7a1 https://github.com/Jakobovski/free-spoken-digit-dataset

made_tables 514849eb9451311c02049f9e2d9a17fac589996a https://github.com/mgermain/MADE

file 6fb458f1232090904fb40fe944165e91 text/tinyshakespeare.txt https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt
file 401b3c4cac9e28a586ed15e81256680d text/names.txt https://raw.githubusercontent.com/karpathy/makemore/988aa59e4d8fefa526d06f3b453ad116258398d4/

file 268ce7771f3f15afbc54402478b1d454 uci/optdigits.tra https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/
file a0339c30a8a5312a1b6f9e5c719dcce5 uci/optdigits.tes https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/
file bb3888bd588c4b15b24351218f74491e uci/magic04.data https://archive.ics.uci.edu/ml/machine-learning-databases/magic/
file 455e8d250208699385bfe3b03b01b2c9 uci/iris.csv https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/
file 18625f38d0ab8a40b7d642ae69679a80 uci/winequality-red.csv https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/
file 1ee2565d70413ab16182bae17ce0e82a uci/winequality-white.csv https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/
LIST

for name in "${missing[@]}"; do echo "could not be had: $name"; done
[[ ${#missing[@]} -eq 0 ]]
