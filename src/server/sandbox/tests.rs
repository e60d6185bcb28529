//! placeholder
#[test]
#[ignore = "draws samples to look at"]
fn samples() {
    let prompts = ["a lighthouse by the sea", "misty mountains", "desert dunes", "night sky", "aurora", "abstract", "ink wash", "ocean at sunset", "mountain in autumn", "galaxy over a lake lavender", "abstract rose", "a cat"];
    for (n, prompt) in prompts.iter().enumerate() {
        let start = std::time::Instant::now();
        let (w, h) = [(1024, 1024), (1344, 768), (832, 1216)][n % 3];
        let picture = super::picture::render(prompt, 42 + n as u64, 0, w, h);
        println!("{prompt} {:?}", start.elapsed());
        picture.save(format!("/tmp/pics/{n:02}.png")).expect("saved");
    }
}
